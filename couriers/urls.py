"""The addresses at which a courier registers, signs in, and keeps what is his."""

from django.urls import path

from couriers.views import sign_in

app_name = "couriers"
urlpatterns = [
    path("me/sign-in/", sign_in.sign_in, name="sign-in"),
]
