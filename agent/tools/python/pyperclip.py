# pyperclip by the desktop's own actions, judged as they are: text alone, as there.

ENCODING = "utf-8"


class PyperclipException(RuntimeError):
    pass


def copy(text):
    """Puts text on the clipboard; numbers and truth values as text."""
    if not isinstance(text, (str, int, float, bool)):
        raise PyperclipException("only str, int, float, and bool values can be copied to the "
                                 "clipboard, not " + type(text).__name__)
    _ask({"actions": [{"action": "clipboard_set", "text": str(text)}], "screenshot": False,
          "settle": False})


def paste():
    """The text on the clipboard; "" if there is none."""
    answer = _ask({"actions": [{"action": "clipboard_get"}], "screenshot": False, "settle": False})
    return answer["results"][0].get("text", "")


def is_available():
    return True
