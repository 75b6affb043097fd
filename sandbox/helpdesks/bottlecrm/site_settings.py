"""Settings of a private BottleCRM: its own, with SQLite (as in its own tests) and no task queue beside it."""

import os
from pathlib import Path

from crm.settings import *  # noqa: F403
from crm.settings import INSTALLED_APPS

HOME = Path(os.environ["SANDBOX_HELPDESK_HOME"])
ALLOWED_HOSTS = ["*"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": HOME / "crm.sqlite",
        "OPTIONS": {
            "timeout": 60,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF",
        },
    }
}
MIGRATION_MODULES = {app.rpartition(".")[2]: None for app in INSTALLED_APPS}  # tables as the models are: a second
MEDIA_ROOT = HOME / "media"
MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "OPTIONS": {"file_path": HOME / "mail"},
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_TASK_ALWAYS_EAGER = True  # what would be queued is done at once
CELERY_BROKER_URL = "memory://"
CELERY_RESULT_BACKEND = "cache+memory://"
