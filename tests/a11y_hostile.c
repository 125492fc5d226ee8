/* An application whose accessible tree is made to wear out who reads it. It shows one window, and
 * is one of:
 * - endless: each element has three children, for ever
 * - cycle: the child of the window is the window
 * - wide: two billion children, and each answers
 * - huge: names of a megabyte with control characters
 * - elsewhere: children that belong to other applications or are no objects
 * - silent: it never answers
 * - joining: waits for a bus that is not there yet, and says on it without a pause that somebody
 *   has joined
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <gio/gio.h>

#define ROOT "/org/a11y/atspi/accessible/root"
#define WIDTH 300
#define HEIGHT 200

struct hostile {
	const char *mode;
	GDBusConnection *bus;
	Display *xlib;
	Window window;
	int x, y;
};

static bool is_mode(const struct hostile *hostile, const char *mode)
{
	return strcmp(hostile->mode, mode) == 0;
}

static void add(GVariantBuilder *list, const char *bus, const char *path)
{
	g_variant_builder_add(list, "(so)", bus, path);
}

static GVariant *children_of(const struct hostile *hostile, const char *path)
{
	const char *me = g_dbus_connection_get_unique_name(hostile->bus);
	GVariantBuilder list;
	g_variant_builder_init(&list, G_VARIANT_TYPE("a(so)"));
	if (strcmp(path, ROOT) == 0) {
		add(&list, me, "/window");
	} else if (is_mode(hostile, "cycle")) {
		add(&list, me, "/window");
	} else if (is_mode(hostile, "elsewhere")) {
		add(&list, "org.freedesktop.DBus", "/org/freedesktop/DBus");
		add(&list, ":1.99999", "/nobody");
		add(&list, "", "/");
		add(&list, me, ROOT);
	} else {
		for (int i = 0; i < 3; i++) {
			char *child = g_strdup_printf("%s/%d", strlen(path) < 200 ? path : "/again",
					g_random_int_range(0, 1000000));
			add(&list, me, child);
			g_free(child);
		}
	}
	return g_variant_builder_end(&list);
}

static char *name_of(const struct hostile *hostile, const char *path)
{
	if (strcmp(path, "/window") == 0) {
		return g_strdup("hostile");
	}
	if (!is_mode(hostile, "huge")) {
		return g_strdup_printf("element %s", path);
	}
	char *name = g_malloc((1 << 20) + 1);
	memset(name, 'A', 1 << 20);
	name[0] = name[100] = '\x1b';
	name[1 << 20] = '\0';
	return name;
}

static GVariant *property(const struct hostile *hostile, const char *path, const char *name)
{
	if (strcmp(name, "ChildCount") == 0) {
		const bool wide = is_mode(hostile, "wide") && strcmp(path, "/window") == 0;
		return g_variant_new_int32(wide ? G_MAXINT32 : strcmp(path, ROOT) == 0 ? 1 : 3);
	}
	char *text = name_of(hostile, path);
	GVariant *value = g_variant_new_string(text);
	g_free(text);
	return value;
}

/* NULL for what an element does not have. */
static GVariant *answer(const struct hostile *hostile, GDBusMessage *message)
{
	const char *member = g_dbus_message_get_member(message);
	const char *path = g_dbus_message_get_path(message);
	GVariant *body = g_dbus_message_get_body(message);
	if (strcmp(member, "Get") == 0) {
		const char *interface = NULL, *name = NULL;
		g_variant_get(body, "(&s&s)", &interface, &name);
		return g_variant_new("(v)", property(hostile, path, name));
	}
	if (strcmp(member, "GetState") == 0) {
		GVariantBuilder words;
		g_variant_builder_init(&words, G_VARIANT_TYPE("au"));
		g_variant_builder_add(&words, "u", 1U << 25 | 1U << 30 | 1U << 8);
		g_variant_builder_add(&words, "u", 0U);
		return g_variant_new("(au)", &words);
	}
	if (strcmp(member, "GetRoleName") == 0) {
		return g_variant_new("(s)", strcmp(path, "/window") == 0 ? "frame" : "push button");
	}
	if (strcmp(member, "GetExtents") == 0) {
		return g_variant_new("((iiii))", hostile->x, hostile->y, WIDTH, HEIGHT);
	}
	if (strcmp(member, "GetChildren") == 0) {
		return g_variant_new("(@a(so))", children_of(hostile, path));
	}
	if (strcmp(member, "GetChildAtIndex") == 0) {
		gint32 index = 0;
		g_variant_get(body, "(i)", &index);
		char *child = g_strdup_printf("/window/%d", index);
		GVariant *reply = g_variant_new(
				"((so))", g_dbus_connection_get_unique_name(hostile->bus), child);
		g_free(child);
		return reply;
	}
	return NULL;
}

static GDBusMessage *on_message(
		GDBusConnection *bus, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
	const struct hostile *hostile = user_data;
	if (!incoming ||
			g_dbus_message_get_message_type(message) !=
					G_DBUS_MESSAGE_TYPE_METHOD_CALL) {
		return message;
	}
	GVariant *body = is_mode(hostile, "silent") ? NULL : answer(hostile, message);
	GDBusMessage *reply = NULL;
	if (body) {
		reply = g_dbus_message_new_method_reply(message);
		g_dbus_message_set_body(reply, body);
	} else if (!is_mode(hostile, "silent")) {
		reply = g_dbus_message_new_method_error_literal(
				message, "org.freedesktop.DBus.Error.UnknownMethod", "no");
	}
	if (reply) {
		(void)g_dbus_connection_send_message(
				bus, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
		g_object_unref(reply);
	}
	g_object_unref(message);
	return NULL;
}

static GDBusConnection *connect_to_bus(void)
{
	const char *address = NULL;
	GDBusConnection *session = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, NULL);
	GVariant *reply = g_dbus_connection_call_sync(session, "org.a11y.Bus", "/org/a11y/bus",
			"org.a11y.Bus", "GetAddress", NULL, G_VARIANT_TYPE("(s)"), 0, -1, NULL,
			NULL);
	g_variant_get(reply, "(&s)", &address);
	GDBusConnection *bus = g_dbus_connection_new_for_address_sync(address,
			G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
					G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
			NULL, NULL, NULL);
	g_variant_unref(reply);
	return bus;
}

static void show_window(struct hostile *hostile)
{
	long pid = getpid();
	hostile->xlib = XOpenDisplay(NULL);
	hostile->window = XCreateSimpleWindow(hostile->xlib, DefaultRootWindow(hostile->xlib), 0, 0,
			WIDTH, HEIGHT, 0, 0, 0xffffff);
	XStoreName(hostile->xlib, hostile->window, "hostile");
	XChangeProperty(hostile->xlib, hostile->window,
			XInternAtom(hostile->xlib, "_NET_WM_PID", False), XA_CARDINAL, 32,
			PropModeReplace, (const unsigned char *)&pid, 1);
	XSelectInput(hostile->xlib, hostile->window, StructureNotifyMask | ExposureMask);
	XMapWindow(hostile->xlib, hostile->window);
	for (XEvent event = { .type = 0 }; event.type != Expose;) {
		Window child;
		XNextEvent(hostile->xlib, &event);
		XTranslateCoordinates(hostile->xlib, hostile->window,
				DefaultRootWindow(hostile->xlib), 0, 0, &hostile->x, &hostile->y,
				&child);
	}
}

/* On a bus that somebody else has started; false if it was there before. */
static bool wait_for_bus(GDBusConnection *session)
{
	gboolean has_owner = FALSE;
	for (int looks = 0; !has_owner; looks++) {
		GVariant *reply = g_dbus_connection_call_sync(session, "org.freedesktop.DBus",
				"/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner",
				g_variant_new("(s)", "org.a11y.Bus"), NULL, 0, -1, NULL, NULL);
		g_variant_get(reply, "(b)", &has_owner);
		g_variant_unref(reply);
		if (has_owner && looks == 0) {
			return false;
		}
	}
	return true;
}

static int join_without_end(struct hostile *hostile)
{
	show_window(hostile);
	if (!wait_for_bus(g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, NULL))) {
		return 1;
	}
	hostile->bus = connect_to_bus();
	for (unsigned int i = 1;; i++) {
		(void)g_dbus_connection_emit_signal(hostile->bus, NULL, ROOT,
				"org.a11y.atspi.Event.Object", "ChildrenChanged",
				g_variant_new("(sii)", "add", 0, 0), NULL);
		if (i % 100 == 0) { /* nothing piles up here */
			(void)g_dbus_connection_flush_sync(hostile->bus, NULL, NULL);
		}
	}
}

int main(int argc, char **argv)
{
	struct hostile hostile = { .mode = argc > 1 ? argv[1] : "endless" };
	if (is_mode(&hostile, "joining")) {
		return join_without_end(&hostile);
	}
	hostile.bus = connect_to_bus();
	show_window(&hostile);
	g_dbus_connection_add_filter(hostile.bus, on_message, &hostile, NULL);
	GVariant *reply = g_dbus_connection_call_sync(hostile.bus, "org.a11y.atspi.Registry", ROOT,
			"org.a11y.atspi.Socket", "Embed",
			g_variant_new("((so))", g_dbus_connection_get_unique_name(hostile.bus),
					ROOT),
			NULL, 0, 3000, NULL, NULL);
	if (!reply && !is_mode(&hostile, "silent")) {
		return 1;
	}
	for (;;) {
		XEvent event;
		XNextEvent(hostile.xlib, &event);
	}
}
