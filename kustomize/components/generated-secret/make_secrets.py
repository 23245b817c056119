"""Make the two Secrets of the database with random passwords, through the cluster's API; one that is there stays as it is.

In a pod everything is at hand. Elsewhere KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT say where the API is, and
ACCOUNT_DIR is a directory with the files token, ca.crt and namespace. DB_URL (host:port) and DB_NAME say where the database
will be.
"""

import base64
import http.client
import json
import os
import secrets
import ssl
import sys
from pathlib import Path

ACCOUNT_DIR = Path(os.environ.get("ACCOUNT_DIR", "/var/run/secrets/kubernetes.io/serviceaccount"))
ROLES = {"purser-database-owner": "purser_owner", "purser-database": "purser_worker"}
PASSWORD_BYTES = 24
TIMEOUT_S = 30


def database_secrets():
    """Both Secrets, with the keys that CloudNativePG writes, so that one of its own may stand in their place."""
    host, _, port = os.environ.get("DB_URL", "postgres0:5432").rpartition(":")
    return [secret_of(name, username, host, port, os.environ.get("DB_NAME", "purser")) for name, username in ROLES.items()]


def secret_of(name, username, host, port, database):
    password = secrets.token_urlsafe(PASSWORD_BYTES)  # needs no escapes in a URI
    values = {
        "username": username,
        "password": password,
        "host": host,
        "port": port,
        "dbname": database,
        "uri": f"postgresql://{username}:{password}@{host}:{port}/{database}",
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/basic-auth",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "purser", "app.kubernetes.io/instance": "purser",
                                              "app.kubernetes.io/component": "secrets",
                                              "app.kubernetes.io/part-of": "purser"}},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def create(secret):
    """POST the Secret; a sentence that says what came of it."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ.get("KUBERNETES_SERVICE_PORT", "443"))
    namespace = (ACCOUNT_DIR / "namespace").read_text().strip()
    token = (ACCOUNT_DIR / "token").read_text().strip()
    trusted = ssl.create_default_context(cafile=ACCOUNT_DIR / "ca.crt")
    trusted.verify_flags &= ~ssl.VERIFY_X509_STRICT  # newer Pythons ask for fields that some clusters' certificates lack
    connection = http.client.HTTPSConnection(host.strip("[]"), port, context=trusted, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"/api/v1/namespaces/{namespace}/secrets?fieldManager=purser-secrets", json.dumps(secret),
                           {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    name = secret["metadata"]["name"]
    if answer.status == 201:
        return f"The Secret {name} is made."
    if answer.status == 409:
        return f"The Secret {name} is there already."
    raise RuntimeError(f"The Secret {name} can't be made: the API answered {answer.status} {body.decode(errors='replace')}")


def main():
    for secret in database_secrets():
        print(create(secret), flush=True)


if __name__ == "__main__":
    try:
        main()
    except (KeyError, OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
        sys.exit(f"make_secrets: {f'{error.args[0]} is not set' if isinstance(error, KeyError) else error}")
