"""gunicorn -w 4 behind nginx, as the applications that Purser replaces start it; the module and the socket's path come from the driver."""

import importlib
import os

wsgi_app = os.environ["MODULE"] + ":app"
bind = "unix:" + os.environ["SOCKET"]
workers = 4
accesslog = None
loglevel = "warning"


def post_worker_init(worker):
    importlib.import_module(os.environ["MODULE"]).open_pool()
