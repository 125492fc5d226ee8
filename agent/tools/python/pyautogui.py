# What published computer-use code calls of pyautogui, through the desktop's own actions: each waits
# until the screen has settled, so PAUSE is 0. agent/tools/README.md has the list.
import base64, collections, contextlib, io, time

PAUSE = 0.0
FAILSAFE = False
MINIMUM_DURATION = 0.1
LEFT, MIDDLE, RIGHT, PRIMARY, SECONDARY = "left", "middle", "right", "left", "right"
Point = collections.namedtuple("Point", "x y")
Size = collections.namedtuple("Size", "width height")
Box = collections.namedtuple("Box", "left top width height")


class PyAutoGUIException(Exception):
    pass


class FailSafeException(PyAutoGUIException):
    pass


class ImageNotFoundException(PyAutoGUIException):
    pass


def _act(*actions, settle=True):
    answer = _ask({"actions": list(actions), "screenshot": False, "settle": {} if settle else False})
    if PAUSE > 0:
        time.sleep(PAUSE)
    return answer["results"]


def _one(name, settle=True, **arguments):
    given = {key: value for key, value in arguments.items() if value is not None}
    return _act({"action": name, **given}, settle=settle)[0]


def _place(x, y):
    """Numbers, or a pair as the first of them."""
    if isinstance(x, (tuple, list)):
        if len(x) == 4:
            return _middle(x)
        x, y = x
    here = position() if x is None or y is None else None
    return int(round(here.x if x is None else x)), int(round(here.y if y is None else y))


def _middle(box):
    return int(box[0] + box[2] / 2), int(box[1] + box[3] / 2)


def _button(button):
    names = {"left": "left", "primary": "left", "middle": "middle", "right": "right",
             "secondary": "right", 1: "left", 2: "middle", 3: "right"}
    return names[button]


# --- looking ---

def position():
    result = _one("cursor_position", settle=False)
    return Point(result["x"], result["y"])


def size():
    answer = _ask({"actions": [{"action": "cursor_position"}], "screenshot": False,
                   "settle": False})
    return Size(answer["screen"]["width"], answer["screen"]["height"])


resolution = size


def onScreen(x, y=None):
    if isinstance(x, (tuple, list)):
        x, y = x
    width, height = size()
    return 0 <= x < width and 0 <= y < height


def screenshot(imageFilename=None, region=None):
    """A PIL image; it is also written to the file, if one is named."""
    shot = {"pointer": False}
    if region is not None:
        shot["region"] = [int(value) for value in region]
    # One picture: what an act shows at its end is a picture, too, and each is judged.
    answer = _ask({"actions": [{"action": "screenshot", **shot}], "screenshot": False})
    data = base64.b64decode(answer["results"][0]["image"]["data"])
    if imageFilename is not None:
        with open(imageFilename, "wb") as file:
            file.write(data)
    from PIL import Image

    return Image.open(io.BytesIO(data)).convert("RGB")


def pixel(x, y):
    return screenshot(region=(x, y, 1, 1)).getpixel((0, 0))


def pixelMatchesColor(x, y, expectedRGBColor, tolerance=0):
    found = pixel(x, y)
    return all(abs(a - b) <= tolerance for a, b in zip(found, expectedRGBColor))


def _opencv():
    """numpy and cv2, or what to do without them."""
    try:
        import cv2
        import numpy

        return numpy, cv2
    except ImportError:
        raise PyAutoGUIException("confidence needs python3-opencv, which is not installed. Without "
                                 "confidence a picture is found where every pixel is equal; "
                                 "find_text and the computer's marks find what can be clicked, "
                                 "too") from None


def _image(image):
    from PIL import Image

    return image if hasattr(image, "convert") else Image.open(image)


def _equal_places(whole, part):
    """Left and top of where every pixel is equal, from the top left on."""
    depth = len(whole.getbands())
    line, length = whole.width * depth, part.width * depth
    pixels, wanted = whole.tobytes(), part.tobytes()
    rows = [wanted[start:start + length] for start in range(0, len(wanted), length)]
    key = max(range(len(rows)), key=lambda row: len(set(rows[row])))  # which has least like it
    at = pixels.find(rows[key], key * line)
    while at >= 0:
        top, left = at // line - key, at % line
        if left % depth == 0 and left + length <= line and top + len(rows) <= whole.height and all(
                pixels.startswith(row, (top + y) * line + left) for y, row in enumerate(rows)):
            yield left // depth, top
        at = pixels.find(rows[key], at + 1)


def _similar_places(whole, part, confidence):
    """The same, the most similar first."""
    numpy, cv2 = _opencv()
    scores = cv2.matchTemplate(numpy.array(whole), numpy.array(part), cv2.TM_CCOEFF_NORMED)
    places = zip(*numpy.where(scores >= min(confidence, 0.999)))
    for y, x in sorted(places, key=lambda place: -scores[place]):
        yield int(x), int(y)


def _boxes(needle, haystack, grayscale=False, region=None, confidence=None, **_):
    mode = "L" if grayscale else "RGB"
    left, top, width, height = [int(value) for value in region] if region else (0, 0, 0, 0)
    whole, part = _image(haystack).convert(mode), _image(needle).convert(mode)
    if region:
        whole = whole.crop((left, top, left + width, top + height))
    if part.width > whole.width or part.height > whole.height:
        raise ValueError("the picture that is looked for is larger than where it is looked for")
    places = _equal_places(whole, part) if confidence is None else _similar_places(
        whole, part, confidence)
    for x, y in places:
        yield Box(left + x, top + y, part.width, part.height)


def _screen_boxes(image, region=None, confidence=None, **options):
    if confidence is not None:
        _opencv()  # before the screen is looked at
    left, top = (int(region[0]), int(region[1])) if region else (0, 0)
    shot = screenshot(region=region)
    for box in _boxes(image, shot, confidence=confidence, **options):
        yield Box(left + box.left, top + box.top, box.width, box.height)


_raises_not_found = True


def useImageNotFoundException(value=True):
    """False: what is not found is None."""
    global _raises_not_found
    _raises_not_found = bool(value)


def _first(boxes):
    box = next(boxes, None)
    if box is None and _raises_not_found:
        raise ImageNotFoundException("the picture is not there")
    return box


def locateAll(needleImage, haystackImage, **options):
    """Boxes of a picture in another."""
    return list(_boxes(needleImage, haystackImage, **options))


def locate(needleImage, haystackImage, **options):
    return _first(_boxes(needleImage, haystackImage, **options))


def locateAllOnScreen(image, **options):
    return list(_screen_boxes(image, **options))


def locateOnScreen(image, minSearchTime=0, **options):
    """Looks again until it is there, for minSearchTime seconds."""
    end = time.monotonic() + minSearchTime
    while True:
        box = next(_screen_boxes(image, **options), None)
        if box is not None or time.monotonic() >= end:
            return _first(iter([box] if box else []))


def center(box):
    return Point(*_middle(box))


def locateCenterOnScreen(image, **options):
    box = locateOnScreen(image, **options)
    return center(box) if box else None


# --- the mouse ---

_held = []  # by keyDown(): part of every chord and click until keyUp()


def _modifiers():
    return [_key(name) for name in _held] or None


def moveTo(x=None, y=None, duration=0.0, tween=None, logScreenshot=False, _pause=True):
    x, y = _place(x, y)
    _one("move", x=x, y=y)


def moveRel(xOffset=0, yOffset=0, duration=0.0, tween=None, **_):
    if isinstance(xOffset, (tuple, list)):
        xOffset, yOffset = xOffset
    here = position()
    _one("move", x=here.x + int(xOffset or 0), y=here.y + int(yOffset or 0))


move = moveRel


def click(x=None, y=None, clicks=1, interval=0.0, button="left", duration=0.0, **_):
    x, y = _place(x, y)
    if interval > 0:
        for number in range(clicks):
            if number:
                time.sleep(interval)
            _one("click", x=x, y=y, button=_button(button), keys=_modifiers())
        return
    while clicks > 0:
        _one("click", x=x, y=y, button=_button(button), count=min(clicks, 3),
             keys=_modifiers())
        clicks -= 3


def leftClick(x=None, y=None, **_):
    click(x, y)


def rightClick(x=None, y=None, **_):
    click(x, y, button="right")


def middleClick(x=None, y=None, **_):
    click(x, y, button="middle")


def doubleClick(x=None, y=None, interval=0.0, button="left", **_):
    click(x, y, clicks=2, button=button)


def tripleClick(x=None, y=None, interval=0.0, button="left", **_):
    click(x, y, clicks=3, button=button)


def mouseDown(x=None, y=None, button="left", **_):
    x, y = _place(x, y)
    _one("mouse_down", x=x, y=y, button=_button(button))


def mouseUp(x=None, y=None, button="left", **_):
    x, y = _place(x, y)
    _one("mouse_up", x=x, y=y, button=_button(button))


def dragTo(x=None, y=None, duration=0.0, tween=None, button="left", mouseDownUp=True, **_):
    here, there = position(), _place(x, y)
    if not mouseDownUp:
        _one("move", x=there[0], y=there[1])
        return
    _one("drag", path=[[here.x, here.y], list(there)], button=_button(button),
         keys=_modifiers())


def dragRel(xOffset=0, yOffset=0, duration=0.0, tween=None, button="left", **_):
    if isinstance(xOffset, (tuple, list)):
        xOffset, yOffset = xOffset
    here = position()
    dragTo(here.x + (xOffset or 0), here.y + (yOffset or 0), button=button)


drag = dragRel


def _scroll(x, y, across, down):
    given = {}
    if x is not None or y is not None:
        given["x"], given["y"] = _place(x, y)
    while across or down:
        part_across, part_down = (max(-100, min(100, int(value))) for value in (across, down))
        _one("scroll", scroll_x=part_across, scroll_y=part_down, keys=_modifiers(), **given)
        across, down = across - part_across, down - part_down


def scroll(clicks, x=None, y=None, **_):
    """Positive is up."""
    _scroll(x, y, 0, -int(clicks))


def hscroll(clicks, x=None, y=None, **_):
    """Positive is right."""
    _scroll(x, y, int(clicks), 0)


vscroll = scroll


# --- the keyboard ---

_KEYS = {"win": "super", "winleft": "super", "winright": "super_r", "command": "super",
         "option": "alt", "optionleft": "alt", "optionright": "alt_r", "ctrlleft": "ctrl",
         "ctrlright": "control_r", "altleft": "alt", "altright": "alt_r", "shiftleft": "shift",
         "shiftright": "shift_r", "return": "Return", "enter": "Return", "esc": "Escape",
         "escape": "Escape", "del": "Delete", "delete": "Delete", "backspace": "BackSpace",
         "pgup": "Page_Up", "pageup": "Page_Up", "pgdn": "Page_Down", "pagedown": "Page_Down",
         "prtsc": "Print", "prtscr": "Print", "printscreen": "Print", "prntscrn": "Print",
         "capslock": "Caps_Lock", "numlock": "Num_Lock", "scrolllock": "Scroll_Lock",
         "\n": "Return", "\r": "Return", "\t": "Tab", " ": "space", "volumeup": "XF86AudioRaiseVolume",
         "volumedown": "XF86AudioLowerVolume", "volumemute": "XF86AudioMute", "apps": "Menu",
         "divide": "KP_Divide", "multiply": "KP_Multiply", "subtract": "KP_Subtract",
         "add": "KP_Add", "decimal": "KP_Decimal"}
KEY_NAMES = KEYBOARD_KEYS = sorted(set(_KEYS) | {chr(code) for code in range(32, 127)} |
                                   {"f%d" % number for number in range(1, 25)} |
                                   {"tab", "space", "up", "down", "left", "right", "home", "end",
                                    "insert", "shift", "ctrl", "alt", "num0", "num1", "num2",
                                    "num3", "num4", "num5", "num6", "num7", "num8", "num9"})


def _key(name):
    name = str(name)
    lower = name.lower()
    if lower in _KEYS:
        return _KEYS[lower]
    if len(lower) == 4 and lower.startswith("num") and lower[3].isdigit():
        return "KP_" + lower[3]
    return lower if len(name) > 1 else name


def isValidKey(key):
    return str(key).lower() in KEYBOARD_KEYS or len(str(key)) == 1


def write(message, interval=0.0, **_):
    """Any Unicode text; a list is keys, as pyautogui has it."""
    if isinstance(message, (list, tuple)):
        for key in message:
            press(key)
        return
    if interval > 0:
        for character in message:
            _one("type", text=character)
            time.sleep(interval)
    elif message:
        _one("type", text=message)


typewrite = write


def press(keys, presses=1, interval=0.0, **_):
    names = [keys] if isinstance(keys, str) else list(keys)
    for number in range(int(presses)):
        if number and interval > 0:
            time.sleep(interval)
        for name in names:
            _one("key", keys=(_modifiers() or []) + [_key(name)])


def hotkey(*keys, interval=0.0, **_):
    if len(keys) == 1 and isinstance(keys[0], (list, tuple)):
        keys = keys[0]
    _one("key", keys=(_modifiers() or []) + [_key(key) for key in keys])


def keyDown(key, **_):
    """The key is part of every chord and click until keyUp()."""
    if key not in _held:
        _held.append(key)


def keyUp(key, **_):
    if key in _held:
        _held.remove(key)


@contextlib.contextmanager
def hold(keys, interval=0.0, **_):
    names = [keys] if isinstance(keys, str) else list(keys)
    for name in names:
        keyDown(name)
    try:
        yield
    finally:
        for name in reversed(names):
            keyUp(name)


# --- windows ---

class Window:
    def __init__(self, facts):
        self._facts = facts
        self.title = facts.get("title", "")
        self.left, self.top, self.width, self.height = facts["frame"]
        self.right, self.bottom = self.left + self.width, self.top + self.height
        self.box, self.size = Box(self.left, self.top, self.width, self.height), Size(self.width, self.height)
        self.isActive, self.isMinimized = facts["active"], facts["minimized"]
        self.isMaximized = facts["maximized"]

    def _do(self, name, **arguments):
        _one(name, window=self._facts["id"], **arguments)

    def activate(self):
        self._do("focus_window")

    def close(self):
        self._do("close_window")

    def maximize(self):
        self._do("maximize_window")

    def minimize(self):
        self._do("minimize_window")

    def restore(self):
        self._do("restore_window")

    def moveTo(self, left, top):
        self._do("move_window", x=left, y=top)

    def resizeTo(self, width, height):
        self._do("resize_window", width=width, height=height)

    def __repr__(self):
        return "Window(%r)" % self.title


def getAllWindows():
    return [Window(facts) for facts in _one("list_windows", settle=False)["windows"]
            if "frame" in facts]


def getWindowsWithTitle(title):
    return [window for window in getAllWindows() if title.lower() in window.title.lower()]


def getWindowsAt(x, y):
    return [window for window in getAllWindows()
            if window.left <= x < window.right and window.top <= y < window.bottom]


def getAllTitles():
    return [window.title for window in getAllWindows()]


def getActiveWindow():
    return next((window for window in getAllWindows() if window.isActive), None)


def getActiveWindowTitle():
    window = getActiveWindow()
    return window.title if window else None


# --- the rest ---

def sleep(seconds):
    time.sleep(seconds)


def countdown(seconds):
    time.sleep(seconds)


def alert(text="", title="", button="OK", **_):
    raise PyAutoGUIException("there is nobody at this desktop to ask: use ask_person")


confirm = prompt = password = alert


def run(*_, **__):
    raise PyAutoGUIException("run() and its letters are not here: call click(), write() and the "
                             "like")


def failSafeCheck():
    pass


def displayMousePosition(*_, **__):
    print(position())


def getInfo():
    import platform

    return (platform.platform(), "cua", tuple(size()), platform.python_version())


def printInfo(dontPrint=False):
    text = "Platform: %s\nPyAutoGUI: %s\nResolution: %s\nPython: %s" % getInfo()
    if not dontPrint:
        print(text)
    return text


# --- how a movement goes, of which only the end is seen here: for scripts that reckon with it ---

def getPointOnLine(x1, y1, x2, y2, n):
    return (x2 - x1) * n + x1, (y2 - y1) * n + y1


def linear(n):
    return n


def _bounce(n):
    bounces = (1, 0, 0), (2, 1.5, 0.75), (2.5, 2.25, 0.9375), (2.75, 2.625, 0.984375)
    for end, middle, height in bounces:
        if n * 2.75 <= end or end == 2.75:
            return 7.5625 * (n - middle / 2.75) ** 2 + height


def _define_easing():
    """easeInSine, easeOutSine, easeInOutSine, ... from how each starts, as Penner has them."""
    from math import cos, pi, sin, sqrt

    starts = {
        "Quad": lambda n: n ** 2, "Cubic": lambda n: n ** 3, "Quart": lambda n: n ** 4,
        "Quint": lambda n: n ** 5, "Sine": lambda n: 1 - cos(n * pi / 2),
        "Expo": lambda n: 2 ** (10 * (n - 1)) if n > 0 else 0.0,
        "Circ": lambda n: 1 - sqrt(1 - n * n), "Back": lambda n: n * n * (2.70158 * n - 1.70158),
        "Bounce": lambda n: 1 - _bounce(1 - n),
        "Elastic": lambda n: n if n in (0, 1) else
        -(2 ** (10 * (n - 1))) * sin((n - 1.075) * 2 * pi / 0.3)}

    def define(name, start):
        def ease_in(n, *_, **__):
            return start(n)

        def ease_out(n, *_, **__):
            return 1 - start(1 - n)

        def ease_in_out(n, *_, **__):
            return start(2 * n) / 2 if n < 0.5 else 1 - start(2 - 2 * n) / 2

        globals().update({"easeIn" + name: ease_in, "easeOut" + name: ease_out,
                          "easeInOut" + name: ease_in_out})

    for name, start in starts.items():
        define(name, start)


_define_easing()
