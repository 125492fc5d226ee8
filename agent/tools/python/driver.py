# The interpreter of the python tool. Reads from descriptor 3 what to run, ended by a NUL, and says
# on 4 what came of it; see worker.h. The arguments are the sources of pyautogui.py and
# pyperclip.py.
import ast, base64, json, os, signal, sys, traceback, types

_code = os.fdopen(3, "rb", 65536)
_said = os.fdopen(4, "wb", 0)
os.set_inheritable(3, False)
os.set_inheritable(4, False)
_pid = os.getpid()
_left = b""
_is_running = False


def _interrupt(*_):
    """Ends what runs; one that comes when it has just ended is not for what runs next."""
    if _is_running:
        raise KeyboardInterrupt


signal.signal(signal.SIGINT, _interrupt)


def _hear():
    """The next message, without its NUL; None at the end."""
    global _left
    parts = []
    while True:
        head, nul, _left = _left.partition(b"\0")
        parts.append(head)
        if nul:
            return b"".join(parts).decode()
        _left = _code.read1(65536)
        if not _left:
            return None


def _ask(question):
    """Asks the desktop; what it answers. Programs that were started from here cannot."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        _said.write(json.dumps(question).encode() + b"\0")
        answer = _hear()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if answer is None:
        raise SystemExit
    answer = json.loads(answer)
    if "error" in answer:
        raise (PermissionError if answer["code"] == "policy" else RuntimeError)(answer["error"])
    return answer


def log(*values):
    """Shows values to the model."""
    print(*values, flush=True)


def display(image):
    """Shows a picture to the model: a PIL image, the path of a file, or its bytes."""
    if hasattr(image, "save"):
        import io

        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        image = buffer.getvalue()
    elif isinstance(image, (str, os.PathLike)):
        with open(image, "rb") as file:
            image = file.read()
    if len(image) > 8 << 20:
        raise ValueError("the picture has %d bytes; at most 8 MB are shown" % len(image))
    _ask({"display": base64.b64encode(bytes(image)).decode()})


def _module(name, source):
    module = types.ModuleType(name)
    module.__dict__["_ask"] = _ask
    exec(compile(source, name + ".py", "exec"), module.__dict__)
    sys.modules[name] = module


def _reap():
    """Waits for what was started and has been ended: until then it counts as a process."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    return 0


def _run(source, names):
    """The status. What the last line is worth is shown, as a console would."""
    try:
        tree = ast.parse(source, "<python>")
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<python>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<python>", "eval"), names)
            if value is not None:
                print(repr(value))
        return 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        kind, value, trace = sys.exc_info()
        while trace and trace.tb_frame.f_code.co_filename != "<python>":
            trace = trace.tb_next
        traceback.print_exception(kind, value, trace)
        return 1


_module("pyautogui", sys.argv[1])
_module("pyperclip", sys.argv[2])
sys.argv = [""]
_names = {"__name__": "__main__", "log": log, "display": display}
while True:
    _source = _hear()
    if _source is None:
        break
    _is_running = True
    try:
        _status = _run(_source, _names) if _source else _reap()
    except KeyboardInterrupt:
        _status = 1
    _is_running = False
    if os.getpid() != _pid:
        os._exit(0)  # a child that did not end where its parent meant it to
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        pass
    _said.write(str(_status).encode() + b"\0")
