"""The addresses of the API about its callers."""

from django.urls import path

from partners.api import views

app_name = "partners-api"
urlpatterns = [path("whoami/", views.Whoami.as_view(), name="whoami")]
