"""gunicorn -w 4 behind nginx, as the seeds start it; the socket's path comes from the driver."""

import os

wsgi_app = "app:app"
bind = "unix:" + os.environ["SOCKET"]
workers = 4
accesslog = None
loglevel = "warning"


def post_worker_init(worker):
    import app
    app.open_pool()
