"""The time of day as one service sees it; the machine's own clock stays as it is."""

from pathlib import Path

FOUND = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


class Clock:
    """nginx and the workers of a stack that has not been started yet ask it; the monotonic clock is the machine's.

    libfaketime stands between them and the kernel, and reads the file anew each time.
    """

    def __init__(self, stack):
        self.file = stack.directory / "clock"
        self.set_back(0)
        settings = {"LD_PRELOAD": FOUND[0], "FAKETIME_TIMESTAMP_FILE": self.file, "FAKETIME_NO_CACHE": 1,
                    "FAKETIME_DONT_FAKE_MONOTONIC": 1}  # fmt: skip
        # A sanitizer's library wants to be the first one.
        options = ["verify_asan_link_order=0", stack.launcher.env.get("ASAN_OPTIONS")]
        sanitizer = {"ASAN_OPTIONS": ":".join(filter(None, options))}
        listed = ",".join(f'{name}="{value}"' for name, value in {**settings, **sanitizer}.items())
        configuration = stack.launcher.configuration
        section = "[supervisord]\n"
        configuration.write_text(configuration.read_text().replace(section, f"{section}environment={listed}\n", 1))
        # nginx's processes forget their environment, but for what is named.
        nginx = stack.directory / "nginx" / "nginx.conf.in"
        nginx.write_text("".join(f"env {name};\n" for name in settings) + nginx.read_text())

    def set_back(self, seconds):
        self.file.write_text(f"-{seconds}\n")


def why_not():
    """Why a service can't have a clock of its own here; None if it can."""
    return None if FOUND else "libfaketime is not installed"
