"""Health (is the process alive, and can it serve), and what the codes of problems mean."""

from django.urls import path

from core import health
from core.api.views import ProblemDetail, ProblemList

urlpatterns = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    # Beside the versions of the API: a code means the same in all of them.
    path("api/problems/", ProblemList.as_view(), name="problem-list"),
    path("api/problems/<str:code>/", ProblemDetail.as_view(), name="problem-detail"),
]
