"""The addresses of the API about points and gifts."""

from django.urls import path

from points.api import views, writing

app_name = "points-api"
urlpatterns = [
    path("gifts/", views.GiftList.as_view(), name="gift-list"),
    path("gifts/<str:code>/", views.GiftDetail.as_view(), name="gift-detail"),
    path("couriers/<str:code>/account/", views.AccountDetail.as_view(), name="account-detail"),
    path("couriers/<str:code>/entries/", views.EntryList.as_view(), name="entry-list"),
    path("awards/", writing.Awards.as_view(), name="award-list"),
    path("reversals/", writing.Reversals.as_view(), name="reversal-list"),
    path("passes/", writing.Passes.as_view(), name="pass-list"),
    path("redemptions/", writing.Redemptions.as_view(), name="redemption-list"),
    path("redemptions/<str:code>/", views.RedemptionDetail.as_view(), name="redemption-detail"),
    path("redemptions/<str:code>/handover/", writing.Handover.as_view(), name="redemption-handover"),
    path("redemptions/<str:code>/cancellation/", writing.Cancellation.as_view(), name="redemption-cancellation"),
]
