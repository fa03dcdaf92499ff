"""The addresses at which a courier registers, signs in, and manages his data."""

from django.urls import path

from couriers.views import mine, phones, pin, register, sign_in

app_name = "couriers"
urlpatterns = [
    path("me/register/", register.register, name="register"),
    path("me/sign-in/", sign_in.sign_in, name="sign-in"),
    path("me/sign-out/", sign_in.sign_out, name="sign-out"),
    path("me/devices/", phones.device_list, name="devices"),
    path("me/phone/", phones.change_phone, name="phone"),
    path("me/pin/", pin.change_pin, name="pin"),
    path("me/data/", mine.data, name="data"),
    path("me/data/consents/", mine.consent_list, name="consents"),
    path("me/data/copy/", mine.copy, name="copy"),
    path("me/data/erase/", mine.erase, name="erase"),
    path("me/goodbye/", mine.goodbye, name="goodbye"),
    path("pin/<str:token>/", pin.reset_pin, name="pin-reset"),
]
