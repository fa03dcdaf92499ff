"""The public addresses of points."""

from django.urls import include, path

from points.views import gifts
from points.views.me import cabinet, home, orders, passes
from points.views.me import gifts as my_gifts

app_name = "points"
urlpatterns = [
    path("counter/", include("points.views.counter.urls")),
    path("gifts/<slug:code>/photo/", gifts.gift_photo, name="gift-photo"),
    path("me/", home.home, name="me"),
    path("me/statement/", home.statement, name="statement"),
    path("me/gifts/", my_gifts.gifts, name="my-gifts"),
    path("me/gifts/<slug:gift>/", my_gifts.gift, name="my-gift"),
    path("me/orders/<str:redemption>/", orders.order, name="order"),
    path("me/orders/<str:redemption>/cancel/", orders.cancel, name="order-cancel"),
    path("me/orders/<str:redemption>/queue/", cabinet.join, name="order-join"),
    path("me/pass/", passes.show_pass, name="pass"),
    path("me/redemptions/", orders.redemptions, name="redemptions"),
    path("me/redemptions/<str:redemption>/dispute/", orders.dispute, name="dispute"),
    path("c/<str:token>/", cabinet.cabinet, name="cabinet"),
    path("me/here/", cabinet.here, name="here"),
    path("me/here/<slug:gift>/", cabinet.take, name="here-take"),
    path("me/queue/<str:redemption>/", cabinet.waiting, name="queue"),
    path("me/queue/<str:redemption>/now/", cabinet.waiting_now, name="queue-now"),
    path("me/queue/<str:redemption>/leave/", cabinet.leave, name="queue-leave"),
]
