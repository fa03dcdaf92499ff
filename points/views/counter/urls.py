"""The URLs of the counter."""

from django.urls import path

from points.views.counter import membership, serving, signing_in, stocking, who

urlpatterns = [
    path("", serving.counter, name="counter"),
    path("sign-in/", signing_in.sign_in, name="counter-sign-in"),
    path("sign-out/", signing_in.sign_out, name="counter-sign-out"),
    path("change/", signing_in.change, name="counter-change"),
    path("station/", signing_in.station, name="counter-station"),
    path("queue/", serving.waiting, name="counter-queue"),
    path("today/", serving.today, name="counter-today"),
    path("uses/", serving.uses, name="counter-uses"),
    path("uses/take-back/", serving.take_back_use, name="counter-uses-take-back"),
    path("redemptions/<slug:code>/", serving.receipt, name="counter-redemption"),
    path("redemptions/<slug:code>/hand-over/", serving.hand_over, name="counter-hand-over"),
    path("redemptions/<slug:code>/leave/", serving.leave, name="counter-leave"),
    path("who/", who.who, name="counter-who"),
    path("who/<str:word>/", who.who_is_here, name="counter-courier"),
    path("who/<str:word>/gifts/<slug:code>/", who.gift, name="counter-gift"),
    path("who/<str:word>/pin/", membership.pin, name="counter-pin"),
    path("who/<str:word>/card/", membership.card, name="counter-card"),
    path("who/<str:word>/card/print/", membership.printed, name="counter-card-print"),
    path("who/<str:word>/phone/", membership.phone, name="counter-phone"),
    path("stock/", stocking.stock, name="counter-stock"),
    path("stock/count/", stocking.count, name="counter-count"),
    path("stock/<slug:code>/<slug:step>/", stocking.step, name="counter-stock-step"),
]
