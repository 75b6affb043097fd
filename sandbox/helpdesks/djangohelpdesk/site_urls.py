"""The addresses of a private django-helpdesk."""

from django.conf import settings
from django.contrib import admin
from django.contrib.staticfiles.views import serve as static
from django.urls import include, path, re_path
from django.views.static import serve

urlpatterns = [
    path("admin/", admin.site.urls),
    re_path("^media/(?P<path>.*)$", serve, {"document_root": settings.MEDIA_ROOT}),
    re_path("^static/(?P<path>.*)$", static, {"insecure": True}),
    path("", include("helpdesk.urls", namespace="helpdesk")),
]
