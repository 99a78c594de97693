"""What ships works wherever it is put: from the wheel, the sdist, an editable install and a bare checkout.

Nothing is downloaded: each environment finds the packages that we stand on where this one has them, but ours only
where it was installed.
"""

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT
from terminal import READER, Terminal

import digest

SHIPPED = ("templates", "seeds", "config.toml")
NAME = f"daily_digest-{digest.__version__}"
WHERE = "import digest; print(digest.__file__)"


@dataclass(frozen=True, kw_only=True)
class Packages:
    """What `python -m build` makes: the sdist from the tree, the wheel from the sdist."""

    wheel: Path
    sdist: Path


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    made = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", made, ROOT)
    return Packages(wheel=made / f"{NAME}-py3-none-any.whl", sdist=made / f"{NAME}.tar.gz")


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment with everything but the digest; gives its Python."""
    home = tmp_path / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", home)
    python = home / "bin/python"
    others = tmp_path / "others"
    others.mkdir()
    for site in {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}:
        for entry in site.iterdir():
            ours = "digest" in entry.name and entry.name.startswith(
                ("digest", "daily_digest", "_daily", "__editable")
            )
            if not ours and not (others / entry.name).exists():
                (others / entry.name).symlink_to(entry)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    (site / "others.pth").write_text(f"{others}\n", encoding="utf-8")
    absent = subprocess.run([python, "-c", WHERE], cwd=tmp_path, capture_output=True, check=False, text=True)
    assert "No module named 'digest'" in absent.stderr, "the environment must not see the checkout"
    return python


def install(python: Path, what: Path | str, *options: str) -> None:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "--disable-pip-version-check",
        "install",
        "--quiet",
    ]
    _run(*pip, "--no-index", "--no-deps", "--no-build-isolation", *options, what)


def test_the_wheel_holds_all_that_runs_and_nothing_else(packages: Packages) -> None:
    names = set(zipfile.ZipFile(packages.wheel).namelist())
    assert {name.partition("/")[0] for name in names} == {"digest", f"{NAME}.dist-info"}
    assert {
        "digest/py.typed",
        "digest/_shipped/config.toml",
        "digest/store/migrations/env.py",
        f"{NAME}.dist-info/licenses/LICENSE",
        f"{NAME}.dist-info/entry_points.txt",
    } <= names
    for folder in ("templates", "seeds"):
        assert _below(names, f"digest/_shipped/{folder}/") == _files(ROOT / folder)
    assert _below(names, "digest/") >= {name for name in _files(ROOT / "digest") if "_shipped" not in name}
    assert not [name for name in names if "test" in name or name.endswith(".pyc")]


def test_the_sdist_holds_the_sources_and_nothing_private(packages: Packages) -> None:
    with tarfile.open(packages.sdist) as archive:
        names = {member.name.removeprefix(f"{NAME}/") for member in archive.getmembers()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "config.toml", "PKG-INFO"} <= names
    tops = {name.partition("/")[0] for name in names}
    assert tops <= {"digest", "templates", "seeds", "config.toml", *_ABOUT}, sorted(tops)
    assert _below(names, "digest/") == _files(ROOT / "digest")


def test_the_metadata_says_what_it_is_in_the_words_of_the_readme(packages: Packages) -> None:
    metadata = zipfile.ZipFile(packages.wheel).read(f"{NAME}.dist-info/METADATA").decode()
    assert f"Version: {digest.__version__}\n" in metadata
    assert "License-Expression: MIT\n" in metadata
    assert (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[0] in metadata


def test_the_wheel_digests_the_sample_day_in_an_empty_folder(
    packages: Packages, environment: Path, tmp_path: Path
) -> None:
    install(environment, packages.wheel)
    terminal = Terminal(tmp_path / "desk", program=[environment.with_name("digest")])
    assert _home(terminal, environment).is_relative_to(environment.parent.parent)
    terminal.digest("subscribers", "add", READER).succeeded()
    assert "41 articles from 9 sources" in terminal.digest("run").succeeded().err
    assert len(terminal.mails()) == 1
    terminal.digest("init").succeeded()
    assert terminal.read("config.toml") == (ROOT / "config.toml").read_text(encoding="utf-8")


def test_the_sdist_digests_the_sample_day_in_an_empty_folder(
    packages: Packages, environment: Path, tmp_path: Path
) -> None:
    install(environment, packages.sdist)
    terminal = Terminal(tmp_path / "desk", program=[environment.with_name("digest")])
    assert _home(terminal, environment).is_relative_to(environment.parent.parent)
    report = terminal.digest("run", "--dry-run", "--json").succeeded().json
    assert report["collected"] == {"articles": 41, "new": 41, "problems": []}
    assert [draft["list"] for draft in report["drafts"]] == ["daily"]
    assert len(report["drafts"][0]["stories"]) > 20


def test_an_editable_install_digests_the_sample_day_from_its_checkout(
    environment: Path, tmp_path: Path
) -> None:
    checkout = _checkout(tmp_path)
    install(environment, checkout, "--editable")
    terminal = Terminal(tmp_path / "desk", program=[environment.with_name("digest")])
    assert _home(terminal, environment) == checkout / "digest/__init__.py"
    assert "41 articles from 9 sources" in terminal.digest("run", "--dry-run").succeeded().err


def test_a_bare_checkout_digests_the_sample_day(environment: Path, tmp_path: Path) -> None:
    checkout = _checkout(tmp_path)
    terminal = Terminal(tmp_path / "desk", program=[environment, "-c", "from digest.cli import main; main()"])
    terminal.environment["PYTHONPATH"] = str(checkout)
    assert _home(terminal, environment) == checkout / "digest/__init__.py"
    assert "41 articles from 9 sources" in terminal.digest("run", "--dry-run").succeeded().err


_ABOUT = {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "PKG-INFO", ".gitignore"}


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _home(terminal: Terminal, python: Path) -> Path:
    """Tell where the environment has its digest from."""
    return Path(terminal.run(python, "-c", WHERE).succeeded().out.strip())


def _checkout(folder: Path) -> Path:
    """Copy what a clone has, so that no install can leave anything in ours."""
    checkout = folder / "checkout"
    for name in ("digest", *SHIPPED, "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            checkout.mkdir(exist_ok=True)
            shutil.copyfile(source, checkout / name)
    return checkout


def _files(folder: Path) -> set[str]:
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in paths if "__pycache__" not in path.parts}


def _below(names: set[str], folder: str) -> set[str]:
    return {name.removeprefix(folder) for name in names if name.startswith(folder) and not name.endswith("/")}
