"""The addresses of the API about couriers."""

from django.urls import path

from couriers.api import views

app_name = "couriers-api"
urlpatterns = [
    path("notices/", views.NoticeList.as_view(), name="notice-list"),
    path("couriers/", views.CourierList.as_view(), name="courier-list"),
    path("couriers/look-up/", views.LookUp.as_view(), name="courier-look-up"),
    path("couriers/<str:code>/", views.CourierDetail.as_view(), name="courier-detail"),
]
