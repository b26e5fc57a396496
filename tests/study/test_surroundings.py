"""The machine around the program: names, locales, full disks, missing locks and signals end in a result or in one sentence."""

import ast
import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest
import torch
import yaml

from acdc_files import write_patient
from cardiosynth import ROOT
from cardiosynth.networks.checkpoints import load_tensors, load_training, save_tensors, save_training
from cardiosynth.study import provenance
from cardiosynth.study.ending import LOG, guarded, reason
from cardiosynth.study.errors import InputError
from cardiosynth.study.files import whole, write_json
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow import notebooks, runner

PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ODD = """O'Brien "q" $HOME `touch hacked`; touch hacked {x} #1 é"""


# --- names ---


NAMES = [ODD, "123", "0x10", "1e3", "yes", "null", "a: b", "[x]", "{a}", "'quoted'", "it's'", "a=b", "\u00e9\U0001f600", "\udce9"]


@pytest.mark.parametrize("text", NAMES)
def test_a_path_reaches_snakemake_as_it_is(text):
    from snakemake.cli import parse_config

    assert parse_config([runner._setting("data", text)]) == {"data": [text]}


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The shell commands of a study whose own name, folder and data are odd, as Snakemake would run them."""
    folder = tmp_path_factory.mktemp("My Projects") / ODD
    folder.mkdir()
    values = yaml.safe_load((ROOT / "studies" / "smoke.yaml").read_text(encoding="utf-8")) | {"name": "odd", "datasets": {"a": "acdc"}}
    study = folder / "my 'study'.yaml"
    study.write_text(yaml.safe_dump(values), encoding="utf-8")
    shown = ("--dry-run", "--printshellcmds", "--ignore-incomplete", "--quiet", "progress", "host")
    command = runner.snakemake(study, str(folder), 1, *shown, "--directory", str(folder))
    for name in ("cardiosynth", "data", "book", "notebooks", "_config.yml"):
        (folder / name).symlink_to(ROOT / name)
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    shown = done.stdout + done.stderr
    return study, folder, [line.partition("Shell command: ")[2] or line.strip() for line in shown.splitlines() if "-m cardiosynth" in line]


@pytest.mark.slow
def test_a_shell_reads_odd_names_as_single_words(planned):
    study, folder, commands = planned
    assert len(commands) >= 12
    for command in commands:
        words = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, encoding="utf-8", cwd=folder).stdout.split("\0")
        assert words[:3] == [sys.executable, "-m", "cardiosynth"]
        if words[3] == "prepare":
            assert words[4:8] == [os.path.relpath(study, ROOT), "acdc", "--data", str(folder)]
        else:
            assert words[4] == os.path.relpath(study, ROOT)
    assert not list(folder.glob("hacked*")) and not (ROOT / "hacked").exists()


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("given", ["argument", "environment"])
def test_make_hands_names_on_as_they_are(tmp_path, given):
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", encoding="utf-8")
    python.chmod(0o755)
    values = {"STUDY": "my 'own' $x", "DATA": ODD, "CORES": "3"}
    words = [f"{name}={value}" for name, value in values.items()] if given == "argument" else []
    done = subprocess.run(
        ["make", "-s", "-o", ".venv/.ready", "study", *words],
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path,
        env=os.environ | (values if given == "environment" else {}),
    )
    assert done.stdout.splitlines() == ["-m", "cardiosynth", "study", "studies/my 'own' $x.yaml", "--cores", "3", "--data", ODD]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".venv", "Makefile"]


def test_a_file_name_with_braces_is_refused_before_anything_runs(tmp_path):
    values = {"name": "mine", "title": "t", "datasets": {"a": "acdc", "split": "a{b}.csv"}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(InputError, match=r"a\{b\}.csv: braces stand for wildcards"):
        runner.run(tmp_path / "mine.yaml", None, 1)


# --- text ---


def text_calls(tree):
    """Calls that read or write text: open (of text), read_text, write_text, and subprocesses whose output is decoded."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        options = {keyword.arg: keyword.value for keyword in node.keywords}
        method = isinstance(node.func, ast.Attribute)
        name = node.func.attr if method else getattr(node.func, "id", "")
        decoded = {"text", "universal_newlines"} & options.keys() or method and name in ("read_text", "write_text")
        if decoded or name == "open" and opens_text(node, options, method):
            yield node, options


def opens_text(node, options, method):
    """Of the methods called open, those of a path have no argument or a mode; gzip's reads bytes unless its mode has a t."""
    places = node.args if method else node.args[1:]
    modes = [one.value for one in (options.get("mode"), *places) if isinstance(one, ast.Constant) and re.fullmatch("[rwax+bt]+", str(one.value))]
    packed = method and isinstance(node.func.value, ast.Name) and node.func.value.id == "gzip"
    if modes:
        return "t" in modes[0] if packed else "b" not in modes[0]
    return not node.args if method else True


SOURCES = [*sorted((ROOT / "cardiosynth").rglob("*.py")), ROOT / "workflow" / "Snakefile"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_text_is_utf_8_whatever_the_locale(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        bare = [node.lineno for node, options in text_calls(ast.parse(text)) if "encoding" not in options]
        assert not bare, f"lines {bare} read or write text without encoding="
    else:
        assert not [word for word in ("open(", "read_text(", "write_text(") if word in text]


def test_the_check_of_encodings_would_see_one():
    lines = [
        "open(p)",
        "p.open()",
        "p.open('w')",
        "open(p, mode='a')",
        "gzip.open(p, 'rt')",
        "p.read_text()",
        "run([], text=True)",
        "open(p, 'wb')",
        "p.open('rb')",
        "gzip.open(p)",
        "Cohort.open(p)",
        "open(p, 'w', encoding='utf-8')",
    ]
    found = text_calls(ast.parse("\n".join(lines)))
    assert sorted(node.lineno for node, options in found if "encoding" not in options) == [1, 2, 3, 4, 5, 6, 7]


GOOD = "name: mine\ntitle: Étude de Gheorghiță\ndatasets: {a: phantom-a}\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_study_is_utf_8_with_or_without_a_mark(tmp_path, encoding):
    (tmp_path / "mine.yaml").write_text(GOOD, encoding=encoding)
    assert load_study(tmp_path / "mine.yaml").title == "Étude de Gheorghiță"


@pytest.mark.parametrize("encoding", ["iso-8859-2", "utf-16"])
def test_a_study_in_another_encoding_is_refused(tmp_path, encoding):
    (tmp_path / "mine.yaml").write_text(GOOD.replace("ă", "a").replace("ț", "t"), encoding=encoding)
    with pytest.raises(InputError, match=r"mine.yaml: not UTF-8 text \(byte \d+ is 0x..\); save it as UTF-8"):
        load_study(tmp_path / "mine.yaml")


def test_a_date_that_no_calendar_has_is_bad_yaml(tmp_path):
    (tmp_path / "mine.yaml").write_text(GOOD + "seed: 2022-13-45\n", encoding="utf-8")
    with pytest.raises(InputError, match="mine.yaml: not valid YAML .month must be"):
        load_study(tmp_path / "mine.yaml")


@pytest.mark.parametrize("setting", [PLAIN, {"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "ascii"}])
def test_a_sign_that_the_terminal_lacks_ends_nothing(setting):
    script = "from cardiosynth.study.ending import guarded; import sys; guarded(lambda: print('3.1 \\u00b1 0.2 \\u2192 \\u021b'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=ROOT, env=os.environ | setting)
    assert done.returncode == 0 and done.stdout.startswith(b"3.1 ") and not done.stderr


# --- what the system refuses ---


@pytest.mark.parametrize(
    "error, sentence",
    [
        (PermissionError(errno.EACCES, "Permission denied", "/a/b.csv"), "/a/b.csv: permission denied; you may not read or write there"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), "/a: read-only file system; name a folder that can be written"),
        (OSError(errno.ENOSPC, "No space left on device"), "reading or writing a file: no space left on device; make room there"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/a"), "/a: disk quota exceeded; make room within your quota"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), "x: file name too long; give it a shorter name"),
        (OSError(errno.ENOTDIR, "Not a directory", "/a/b"), "/a/b: not a directory; a file stands where a folder is needed"),
        (OSError(errno.EMFILE, "Too many open files", b"/a"), "/a: too many open files; raise the limit on open files"),
        (MemoryError(), "not enough memory; close other programs"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "not enough memory"),
        (UnicodeEncodeError("utf-8", "\udce9", 0, 1, "surrogates not allowed"), "a file or folder has a name that is no UTF-8 here; rename it"),
        (InputError("a.nii: 3 slices; expected 5"), "a.nii: 3 slices; expected 5"),
    ],
)
def test_what_is_not_the_programs_fault_is_one_sentence_and_status_2(capsys, error, sentence):
    def command():
        raise error

    assert guarded(command) == 2
    said = capsys.readouterr().err
    assert said.startswith("cardiosynth: ") and sentence in said and said.count("\n") == 1 and "Traceback" not in said


def test_what_nobody_expected_names_its_type_and_keeps_the_traceback(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def command():
        return {}["lv"]

    assert guarded(command) == 1
    assert capsys.readouterr().err == f"cardiosynth: unexpected KeyError: 'lv'; please report it with {tmp_path / LOG}, which says where\n"
    assert 'return {}["lv"]' in (tmp_path / LOG).read_text(encoding="utf-8")
    assert reason(ZeroDivisionError()) == "unexpected ZeroDivisionError"


def test_the_traceback_goes_elsewhere_where_the_working_folder_is_gone(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "gone").rmdir()
    assert guarded(lambda: 1 / 0) == 1
    assert f"with {tmp_path / 'temporary' / LOG}" in capsys.readouterr().err and (tmp_path / "temporary" / LOG).is_file()


def test_ctrl_c_is_one_line(capsys):
    def command():
        raise KeyboardInterrupt

    assert guarded(command) == 130 and capsys.readouterr().err == "cardiosynth: interrupted\n"


def test_a_reader_that_goes_away_is_no_error():
    script = "from cardiosynth.study.ending import guarded; import sys; sys.exit(guarded(lambda: [print('x' * 1000) for _ in range(1000)]))"
    done = subprocess.run(["bash", "-c", f'"{sys.executable}" -c "{script}" | head -1'], capture_output=True, cwd=ROOT)
    assert done.stdout == b"x" * 1000 + b"\n" and not done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_standard_output_is_one_sentence():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-m", "cardiosynth", "--help"], stdout=full, stderr=subprocess.PIPE, cwd=ROOT)
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and b"no space left on device" in done.stderr


def test_a_file_is_whole_or_what_it_was_and_its_error_names_it(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"kept": True})
    with pytest.raises(OSError) as caught, whole(path) as partial:
        partial.write_text("half", encoding="utf-8")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"kept": True} and list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("prlimit"), reason="needs prlimit")
def test_tensors_that_find_no_room_leave_nothing(tmp_path):
    script = (
        "import sys, torch; from cardiosynth.networks.checkpoints import save_tensors; from cardiosynth.study.ending import guarded\n"
        "sys.exit(guarded(lambda: save_tensors(sys.argv[1], {'a': torch.zeros(100000)}, {})))"
    )
    done = subprocess.run(
        ["prlimit", "--fsize=20000", sys.executable, "-c", script, tmp_path / "a.safetensors"], capture_output=True, encoding="utf-8", cwd=ROOT
    )
    assert done.returncode == 2 and f"{tmp_path / 'a.safetensors'}: file too large; raise the limit" in done.stderr
    assert not list(tmp_path.iterdir())


# --- locks, systems ---


def test_without_locks_a_study_runs_and_says_so(tmp_path, monkeypatch, capsys):
    import fcntl

    for number in (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP):
        monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(number, os.strerror(number))))
        with runner._one_at_a_time(tmp_path):
            pass
        assert capsys.readouterr().err.startswith(f"{tmp_path}: no locks on this file system")


def test_the_lock_outlives_a_run_that_is_killed_as_long_as_its_workflow(tmp_path):
    program = (
        "import os, pathlib, sys; from cardiosynth.workflow import runner\n"
        "with runner._one_at_a_time(pathlib.Path(sys.argv[1])) as lock:\n"
        "    runner._run([sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'], dict(os.environ), lock)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, encoding="utf-8") as run:
        workflow = psutil.Process(int(run.stdout.readline()))
        run.kill()
        run.wait()
    with pytest.raises(InputError, match="already running"), runner._one_at_a_time(tmp_path):
        pass
    workflow.kill()
    psutil.wait_procs([workflow], timeout=10)
    with runner._one_at_a_time(tmp_path):
        pass


def test_where_a_study_cannot_write_it_says_where_it_could_run(tmp_path):
    (tmp_path / "results").write_text("a file", encoding="utf-8")
    with (
        pytest.raises(InputError, match=f"results/mine: not a directory; a study writes into its checkout: run it in a copy of {ROOT}"),
        runner._one_at_a_time(tmp_path / "results" / "mine"),
    ):
        pass


@pytest.mark.slow
def test_windows_has_all_commands_but_the_whole_study(tmp_path):
    """There fcntl and resource cannot be imported."""
    write_patient(tmp_path / "in" / "training" / "patient001", seed=1)
    (tmp_path / "main.py").write_text(
        "import sys\nimport psutil  # which needs neither on Windows\nsys.modules['fcntl'] = sys.modules['resource'] = None\n"
        "from cardiosynth.__main__ import main\nif __name__ == '__main__':\n    main()\n",
        encoding="utf-8",
    )

    def run(*words):
        return subprocess.run(
            [sys.executable, tmp_path / "main.py", *words],
            capture_output=True,
            encoding="utf-8",
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    study = run("study", "studies/smoke.yaml")
    assert study.returncode == 2 and study.stderr.count("\n") == 1 and "needs Linux or macOS" in study.stderr
    ingest = run("ingest", "acdc", tmp_path / "in", "--out", tmp_path / "out", "--workers", "1", "--size-px", "32")
    assert ingest.returncode == 0, ingest.stderr
    assert json.loads((tmp_path / "out" / "timing.json").read_text(encoding="utf-8"))["peak_rss_mb"] is None


def test_where_the_home_folder_cannot_be_written_the_cache_lies_in_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "yet"))
    assert runner._cache() == {}
    monkeypatch.setattr("os.access", lambda folder, mode: folder != tmp_path)
    assert runner._cache() == {"XDG_CACHE_HOME": str(ROOT / ".snakemake" / "cache")}


def test_of_a_traceback_of_snakemake_the_last_line_is_shown(capsys):
    said = "Building DAG of jobs...\nTraceback (most recent call last):\n\n  File 'x', line 1\n    f()\n\nOSError: [Errno 28] No space left\nan end"
    assert runner._run([sys.executable, "-c", f"import sys; sys.stderr.write({said!r}); sys.exit(3)"], dict(os.environ), lock=2) == 3
    assert capsys.readouterr().err == "OSError: [Errno 28] No space left\nan end"


def test_without_git_the_commit_is_unknown(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert provenance.commit() == "unknown"


# --- notebooks ---


@pytest.fixture
def notebook(tmp_path):
    cells = [
        nbformat.v4.new_code_cell("results = 'x'  # folder\nshare = 0.5  # of all", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("print(results, share)"),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), tmp_path / "n.ipynb")
    return tmp_path / "n.ipynb"


def test_sockets_lie_where_their_names_are_short_enough(tmp_path, monkeypatch):
    import zmq

    long = tmp_path / ("scratch-" + "x" * 90)
    long.mkdir()
    assert _connection(monkeypatch, tmp_path)["ip"].startswith(str(tmp_path)) or len(str(tmp_path)) > 80
    elsewhere = _connection(monkeypatch, long)
    assert elsewhere["transport"] == "ipc" and elsewhere["ip"].startswith("/tmp/") and len(elsewhere["ip"]) + 2 <= zmq.IPC_PATH_MAX_LEN
    monkeypatch.setattr(zmq, "has", lambda name: False)  # as on Windows
    assert _connection(monkeypatch, tmp_path)["transport"] == "tcp"


def _connection(monkeypatch, folder):
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with notebooks._connection() as settings:
        return settings


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_a_notebook_runs_in_a_long_temporary_folder_and_by_ports(notebook, tmp_path, monkeypatch, transport):
    import zmq

    long = tmp_path / ("scratch-" + "x" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    monkeypatch.setattr(zmq, "has", lambda name: transport == name)
    notebooks.run_notebook(notebook, tmp_path / "out.ipynb", {"results": "2024"})
    assert nbformat.read(tmp_path / "out.ipynb", 4).cells[-1].outputs[0].text == "2024 0.5\n"


@pytest.mark.parametrize("text", ["2024", "yes", "a: b", "[x]", "../my results #2", "it's", "'half", ODD])
def test_a_text_parameter_is_taken_as_it_is(notebook, text):
    assert notebooks.check_parameters(notebook, notebooks.parse_parameters([f"results={text}", "share=0.75"])) == {"results": text, "share": 0.75}


def test_quotes_about_a_text_parameter_are_left_away_and_bad_yaml_is_a_bad_value(notebook):
    assert notebooks.check_parameters(notebook, {"results": '"a b"'}) == {"results": "a b"}
    with pytest.raises(InputError, match=r"parameter share is '\[0.5'; expected a float"):
        notebooks.check_parameters(notebook, {"share": "[0.5"})


# --- what earlier runs left ---


DAMAGE = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "zeros": lambda content: bytes(len(content)),
    "noise": lambda content: b"x" * len(content),
}


@pytest.fixture
def trained(tmp_path):
    """A small network, its optimizer after one step, and their state on disk."""
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    save_training(tmp_path / "state.safetensors", {"network": network}, {"adam": optimizer}, {"fingerprint": "f", "log": [1]})
    return network, optimizer, tmp_path / "state.safetensors"


def test_a_whole_state_is_gone_on_with(trained):
    network, optimizer, state = trained
    other = torch.nn.Linear(3, 2)
    assert load_training(state, {"network": other}, {"adam": torch.optim.Adam(other.parameters())}, "f") == {"fingerprint": "f", "log": [1]}
    assert torch.equal(other.weight, network.weight)


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_state_is_set_aside_and_the_training_starts_again(trained, capsys, kind):
    network, optimizer, state = trained
    state.with_name("state.damaged.safetensors").write_bytes(b"of an earlier time")
    state.write_bytes(DAMAGE[kind](state.read_bytes()))
    found, before = state.read_bytes(), network.weight.clone()
    assert load_training(state, {"network": network}, {"adam": optimizer}, "f") is None
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(f"warning: {state}: ") and "delete" not in said
    assert not state.exists() and state.with_name("state.damaged.safetensors").read_bytes() == found
    assert torch.equal(network.weight, before)


@pytest.mark.parametrize("other", [torch.nn.Linear(3, 4), torch.nn.Linear(3, 2, bias=False), torch.nn.Sequential(torch.nn.Linear(3, 2))])
def test_a_state_of_another_network_changes_nothing(trained, capsys, other):
    _, _, state = trained
    before = [parameter.clone() for parameter in other.parameters()]
    assert load_training(state, {"network": other}, {"adam": torch.optim.Adam(other.parameters())}, "f") is None
    assert all(torch.equal(one, two) for one, two in zip(before, other.parameters()))
    assert "cannot be gone on with" in capsys.readouterr().err and not state.exists()


def test_a_state_of_other_data_stays(trained, capsys):
    network, optimizer, state = trained
    assert load_training(state, {"network": network}, {"adam": optimizer}, "other") is None
    assert state.exists() and not capsys.readouterr().err


def test_a_damaged_network_says_how_to_make_it_again(tmp_path):
    save_tensors(tmp_path / "a.safetensors", {"w": torch.zeros(9)}, {})
    (tmp_path / "a.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes()[:30])
    with pytest.raises(InputError, match=f"remove {tmp_path / 'manifest.json'} and run the study again"):
        load_tensors(tmp_path / "a.safetensors")


def test_a_second_run_of_a_stage_signs_nothing_of_the_first(tmp_path):
    kept = {"state.safetensors", "state.damaged.safetensors", "notes.txt"}
    for names in (["a.csv", "b.csv", "m.npy"], ["a.csv"]):
        with provenance.stage(tmp_path, "a stage", {}, "cardiosynth.study.provenance") as folder:
            assert not (folder / "b.csv").exists()
            for name in [*names, *kept, "below/c.csv"]:
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_text(name, encoding="utf-8")
        (tmp_path / provenance.MANIFEST).unlink() if len(names) > 1 else None  # as Snakemake does before a stage runs again
    signed = json.loads((tmp_path / provenance.MANIFEST).read_text(encoding="utf-8"))["files"]
    assert list(signed) == ["a.csv"]
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "below", "manifest.json", "timing.json", *kept}
    assert (tmp_path / "below" / "c.csv").exists()


def test_a_stage_takes_nothing_from_a_folder_in_which_none_has_run(tmp_path):
    (tmp_path / "mine.csv").write_text("mine", encoding="utf-8")
    with provenance.stage(tmp_path, "a stage", {}, "cardiosynth.study.provenance"):
        pass
    assert (tmp_path / "mine.csv").read_text(encoding="utf-8") == "mine"


def test_a_stage_that_was_killed_is_cleared_by_the_next(tmp_path):
    with pytest.raises(KeyboardInterrupt), provenance.stage(tmp_path, "a stage", {}, "cardiosynth.study.provenance"):
        (tmp_path / "half.csv").write_text("half", encoding="utf-8")
        raise KeyboardInterrupt
    with provenance.stage(tmp_path, "a stage", {}, "cardiosynth.study.provenance"):
        assert not (tmp_path / "half.csv").exists()
