# What a session of Python is asked through its code: a file command, or to run a program. `ask` stands above, with its
# name and arguments. Says how it went in the first line.
def _answer(ask):
    import base64, os, shutil, signal, stat, subprocess, sys
    name, path = ask["name"], ask.get("path", ".")

    def parent(at):
        above = os.path.dirname(at)
        if above:
            os.makedirs(above, exist_ok=True)

    if name == "write":
        if os.path.isdir(path):
            return ["directory"]
        parent(path)
        with open(path, "ab" if ask["append"] else "wb") as file:
            file.write(base64.b64decode(ask["content"]))
        return ["ok"]
    if name == "read":
        if not os.path.exists(path):
            return ["missing"]
        if os.path.isdir(path):
            return ["directory"]
        if not os.path.isfile(path):
            return ["irregular"]
        with open(path, "rb") as file:
            content = file.read(ask["most"])
        return ["ok", os.path.getsize(path), base64.b64encode(content).decode()]
    if name == "make":
        if ask["deep"]:
            os.makedirs(path, exist_ok=True)
        elif os.path.lexists(path):
            return ["exists"]
        else:
            os.mkdir(path)
        return ["ok"]
    if name == "copy":
        to = ask["to"]
        if not os.path.exists(path):
            return ["missing"]
        if os.path.isdir(path) or os.path.isdir(to):
            return ["directory"]
        if os.path.exists(to) and not ask["over"]:
            return ["exists"]
        parent(to)
        if not (os.path.exists(to) and os.path.samefile(path, to)):
            shutil.copy(path, to)
        return ["ok", os.path.getsize(to)]
    if name == "delete":
        if not os.path.lexists(path):
            return ["missing"]
        if os.path.islink(path) or not os.path.isdir(path):
            os.remove(path)
        elif ask["deep"]:
            shutil.rmtree(path)
        elif os.listdir(path):
            return ["full"]
        else:
            os.rmdir(path)
        return ["ok"]
    if name == "list":
        if not os.path.exists(path):
            return ["missing"]
        if not os.path.isdir(path):
            return ["plain"]
        lines = []

        def walk(at, below, depth):
            for entry in sorted(os.listdir(at)):
                if len(lines) >= ask["most"]:
                    return
                if entry.startswith(".") and not ask["hidden"]:
                    continue
                here = os.lstat(os.path.join(at, entry))
                lines.append(f"{here.st_mode:x} {here.st_size} {int(here.st_mtime)} {below}{entry}")
                if stat.S_ISDIR(here.st_mode) and depth > 1:
                    walk(os.path.join(at, entry), f"{below}{entry}/", depth - 1)

        walk(path, "./", ask["depth"])
        return ["ok", *lines]
    root = os.getcwd()
    inside = lambda text: root + text[10:] if text == "/workspace" or text.startswith("/workspace/") else text
    argv = [inside(text) for text in ask["argv"]]
    argv[0] = argv[0] or sys.executable
    try:
        ended = subprocess.run(
            argv,
            cwd=ask["cwd"],
            env={**os.environ, **{name: inside(value) for name, value in ask["env"].items()}},
            input=base64.b64decode(ask["stdin"]),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=ask["timeout"] / 1000,
        )
        how, output = ended.returncode, [ended.stdout, ended.stderr]
        if how < 0:
            how = signal.Signals(-how).name
    except subprocess.TimeoutExpired as late:
        how, output = "late", [late.stdout or b"", late.stderr or b""]
    except FileNotFoundError:
        return ["unstarted", "ENOENT"]
    except PermissionError:
        return ["unstarted", "EACCES"]
    if any(len(part) > ask["most"] for part in output):
        how, output = f"{how} cut", [part[: ask["most"]] for part in output]
    return ["ok", how, *(base64.b64encode(part).decode() for part in output)]


try:
    _lines = _answer(ask)
except OSError as _error:
    _lines = ["failed", _error.strerror or str(_error)]
print("\n".join(map(str, _lines)))
