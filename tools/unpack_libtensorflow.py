"""Takes libtensorflow and the headers of its C interface out of a wheel. Needs Python's standard library only.

usage: unpack_libtensorflow.py WHEEL FOLDER
"""

import pathlib
import shutil
import sys
import zipfile

LIBRARIES = {"tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2"}
INCLUDE = "tensorflow/include/"
# The C interface includes headers of its own and of the platform, whose place has changed between versions.
HEADERS = tuple(INCLUDE + part for part in ("tensorflow/c/", "tensorflow/core/platform/", "tsl/", "xla/tsl/"))


def destination(name: str) -> str | None:
    """Where a file of the wheel goes, from the folder; None when it is not needed."""
    if name in LIBRARIES:
        return "lib/" + name.removeprefix("tensorflow/")
    if name.startswith(HEADERS) and name.endswith(".h"):
        return "include/" + name.removeprefix(INCLUDE)
    return None


def main(wheel: str, folder: str) -> None:
    found = set()
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            place = destination(entry.filename)
            if place is None:
                continue
            target = pathlib.Path(folder, place)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, open(target, "wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            found.add(entry.filename)
    missing = [*sorted(LIBRARIES - found)]
    if INCLUDE + "tensorflow/c/c_api.h" not in found:
        missing.append(INCLUDE + "tensorflow/c/c_api.h")
    if missing:
        sys.exit(f"{wheel}: expected a TensorFlow wheel for Linux, got one without {', '.join(missing)}.")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, zipfile.BadZipFile) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
