#include "display/reader/bus.h"

/* So many calls wait in an application's queue at most: its own work comes between them. */
#define IN_FLIGHT_MAX 64
/* The registry may have to be started first. */
#define SERVICE_SILENCE_US (3 * G_TIME_SPAN_SECOND)
#define LOOK_EVERY_MS 20
/* How long applications may take to join a bus that has just appeared. */
#define YOUTH_US (800 * G_TIME_SPAN_MILLISECOND)

struct bus {
	GDBusConnection *connection;
	GHashTable *apps; /* name to struct bus_app */
	GCancellable *cancellable;
	unsigned int outstanding; /* sent and waiting calls */
	gint64 young_until_us;
	guint joins; /* the subscription; 0 without one */
	bool has_joined;
	gint64 silence_us;
};

struct call {
	struct bus_app *app;
	char *path, *interface, *method;
	GVariant *params;
	GVariantType *type;
	bool is_property;
	bus_reply_fn on_reply;
	void *user_data;
};

static void app_destroy(void *data)
{
	struct bus_app *app = data;
	g_free(app->name);
	g_free(app);
}

static bool name_has_owner(GDBusConnection *connection, const char *name)
{
	gboolean has_owner = FALSE;
	GVariant *reply = g_dbus_connection_call_sync(connection, "org.freedesktop.DBus",
			"/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner",
			g_variant_new("(s)", name), G_VARIANT_TYPE("(b)"), G_DBUS_CALL_FLAGS_NONE,
			5000, NULL, NULL);
	if (reply) {
		g_variant_get(reply, "(b)", &has_owner);
		g_variant_unref(reply);
	}
	return has_owner;
}

static void on_join(GDBusConnection *connection, const gchar *sender, const gchar *path,
		const gchar *interface, const gchar *signal, GVariant *params, gpointer user_data)
{
	struct bus *bus = user_data;
	(void)connection, (void)sender, (void)path, (void)interface, (void)signal, (void)params;
	bus->has_joined = true;
}

/* Said by the registry to everybody, whether or not somebody has registered for events. From
 * whichever sender: until GDBus knew who the registry is it would leave some out. */
void bus_watch_joins(struct bus *bus)
{
	if (g_get_monotonic_time() < bus->young_until_us) {
		bus->joins = g_dbus_connection_signal_subscribe(bus->connection, NULL,
				"org.a11y.atspi.Event.Object", "ChildrenChanged",
				"/org/a11y/atspi/accessible/root", "add", G_DBUS_SIGNAL_FLAGS_NONE,
				on_join, bus, NULL);
	}
}

void bus_end_joins(struct bus *bus)
{
	if (bus->joins) {
		g_dbus_connection_signal_unsubscribe(bus->connection, bus->joins);
		bus->joins = 0;
	}
	bus->has_joined = false;
}

enum cua_status bus_open(struct bus **ret_bus, struct cua_error *err)
{
	GError *error = NULL;
	GVariant *reply = NULL;
	char *address = NULL;
	GDBusConnection *connection = NULL;
	bool existed = false;
	GDBusConnection *session = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, &error);
	if (session) {
		g_dbus_connection_set_exit_on_close(session, FALSE);
		existed = name_has_owner(session, "org.a11y.Bus");
		reply = g_dbus_connection_call_sync(session, "org.a11y.Bus", "/org/a11y/bus",
				"org.a11y.Bus", "GetAddress", NULL, G_VARIANT_TYPE("(s)"),
				G_DBUS_CALL_FLAGS_NONE, 5000, NULL, &error);
	}
	if (reply) {
		g_variant_get(reply, "(s)", &address);
		connection = g_dbus_connection_new_for_address_sync(address,
				G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
						G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
				NULL, NULL, &error);
		g_variant_unref(reply);
	}
	g_free(address);
	g_clear_object(&session);
	if (!connection) {
		enum cua_status status = CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"no accessibility bus on this desktop: %.200s; the package "
				"at-spi2-core brings it",
				error ? error->message : "no answer");
		g_clear_error(&error);
		return status;
	}
	struct bus *bus = g_new0(struct bus, 1);
	bus->connection = connection;
	bus->cancellable = g_cancellable_new();
	bus->young_until_us = existed ? 0 : g_get_monotonic_time() + YOUTH_US;
	bus->apps = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, app_destroy);
	*ret_bus = bus;
	return CUA_OK;
}

void bus_close(struct bus *bus)
{
	if (bus) {
		bus_end_joins(bus);
		g_hash_table_destroy(bus->apps);
		g_object_unref(bus->cancellable);
		g_object_unref(bus->connection);
		g_free(bus);
	}
}

bool bus_is_open(const struct bus *bus)
{
	return !g_dbus_connection_is_closed(bus->connection);
}

struct bus_app *bus_app(struct bus *bus, const char *name)
{
	struct bus_app *app = g_hash_table_lookup(bus->apps, name);
	if (!app) {
		app = g_new0(struct bus_app, 1);
		app->bus = bus;
		app->name = g_strdup(name);
		g_queue_init(&app->waiting);
		g_hash_table_insert(bus->apps, app->name, app);
	}
	return app;
}

static void send_waiting(struct bus_app *app);

static void call_finish(struct call *call, GVariant *reply)
{
	struct bus_app *app = call->app;
	call->on_reply(call->user_data, reply);
	app->bus->outstanding--;
	g_free(call->path);
	g_free(call->interface);
	g_free(call->method);
	g_variant_unref(call->params);
	g_variant_type_free(call->type);
	g_free(call);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer user_data)
{
	struct call *call = user_data;
	struct bus_app *app = call->app;
	GError *error = NULL;
	GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
	app->in_flight--;
	if (reply || g_dbus_error_is_remote_error(error)) {
		app->heard_us = g_get_monotonic_time();
		app->given_up = false;
	}
	g_clear_error(&error);
	if (reply && call->is_property) {
		GVariant *value = NULL;
		g_variant_get(reply, "(v)", &value);
		call_finish(call, value);
		g_variant_unref(value);
	} else {
		call_finish(call, reply);
	}
	g_clear_pointer(&reply, g_variant_unref);
	send_waiting(app);
}

static void send_waiting(struct bus_app *app)
{
	struct bus *bus = app->bus;
	while (app->in_flight < IN_FLIGHT_MAX && !g_queue_is_empty(&app->waiting)) {
		struct call *call = g_queue_pop_head(&app->waiting);
		if (app->given_up || g_cancellable_is_cancelled(bus->cancellable)) {
			call_finish(call, NULL);
			continue;
		}
		if (app->in_flight++ == 0) {
			app->heard_us = g_get_monotonic_time();
		}
		g_dbus_connection_call(bus->connection, app->name, call->path, call->interface,
				call->method, call->params, call->type, G_DBUS_CALL_FLAGS_NONE,
				G_MAXINT, bus->cancellable, on_answer, call);
	}
}

static void call_add(struct bus_app *app, struct call call)
{
	struct call *copy = g_new(struct call, 1);
	*copy = call;
	app->bus->outstanding++;
	g_queue_push_tail(&app->waiting, copy);
}

void bus_call(struct bus_app *app, const char *path, const char *interface, const char *method,
		GVariant *params, const char *type, bus_reply_fn on_reply, void *user_data)
{
	call_add(app,
			(struct call){ .app = app,
					.path = g_strdup(path),
					.interface = g_strdup(interface),
					.method = g_strdup(method),
					.params = g_variant_ref_sink(
							params ? params : g_variant_new("()")),
					.type = g_variant_type_new(type),
					.on_reply = on_reply,
					.user_data = user_data });
	if (!app->given_up) {
		send_waiting(app);
	}
}

/* One property by Get: Qt 5 dies of GetAll, whose second argument it takes for granted. */
void bus_get(struct bus_app *app, const char *path, const char *interface, const char *property,
		bus_reply_fn on_reply, void *user_data)
{
	call_add(app,
			(struct call){ .app = app,
					.path = g_strdup(path),
					.interface = g_strdup("org.freedesktop.DBus.Properties"),
					.method = g_strdup("Get"),
					.params = g_variant_ref_sink(
							g_variant_new("(ss)", interface, property)),
					.type = g_variant_type_new("(v)"),
					.is_property = true,
					.on_reply = on_reply,
					.user_data = user_data });
	if (!app->given_up) {
		send_waiting(app);
	}
}

/* --- waiting --- */

static void fail_waiting(struct bus_app *app)
{
	while (!g_queue_is_empty(&app->waiting)) {
		call_finish(g_queue_pop_head(&app->waiting), NULL);
	}
}

/* Calls that an application still owes do not hold up the walk; they are cancelled at its end. */
static unsigned int look_at_apps(struct bus *bus)
{
	unsigned int owed = 0;
	GHashTableIter iter;
	void *value = NULL;
	const gint64 now_us = g_get_monotonic_time();
	g_hash_table_iter_init(&iter, bus->apps);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct bus_app *app = value;
		if (app->in_flight > 0 &&
				now_us - app->heard_us >
						(app->name[0] == ':' ? bus->silence_us
								     : SERVICE_SILENCE_US)) {
			app->given_up = true;
		}
		if (app->given_up) {
			fail_waiting(app);
			owed += app->in_flight;
		}
	}
	return owed;
}

static gboolean wake(gpointer user_data)
{
	(void)user_data;
	return G_SOURCE_CONTINUE;
}

static void cancel_all(struct bus *bus)
{
	GHashTableIter iter;
	void *value = NULL;
	g_cancellable_cancel(bus->cancellable);
	while (bus->outstanding > 0) {
		g_hash_table_iter_init(&iter, bus->apps);
		while (g_hash_table_iter_next(&iter, NULL, &value)) {
			fail_waiting(value);
		}
		if (bus->outstanding > 0) {
			g_main_context_iteration(NULL, TRUE);
		}
	}
	g_object_unref(bus->cancellable);
	bus->cancellable = g_cancellable_new();
}

void bus_wait(struct bus *bus, gint64 deadline_us)
{
	const guint timer = g_timeout_add(LOOK_EVERY_MS, wake, NULL);
	while (bus->outstanding > 0) {
		g_main_context_iteration(NULL, TRUE);
		if (g_get_monotonic_time() >= deadline_us ||
				bus->outstanding == look_at_apps(bus)) {
			break;
		}
	}
	g_source_remove(timer);
	cancel_all(bus);
}

static void iterate_until(const bool *condition, gint64 deadline_us)
{
	const gint64 left_us = deadline_us - g_get_monotonic_time();
	const guint timer = g_timeout_add((guint)MAX(left_us / 1000 + 1, 1), wake, NULL);
	while (!*condition && g_get_monotonic_time() < deadline_us) {
		g_main_context_iteration(NULL, TRUE);
	}
	g_source_remove(timer);
}

bool bus_wait_for_join(struct bus *bus, gint64 deadline_us)
{
	iterate_until(&bus->has_joined, MIN(deadline_us, bus->young_until_us));
	const gint64 now_us = g_get_monotonic_time();
	const bool has_joined = bus->has_joined && now_us < deadline_us;
	bus->has_joined = false;
	if (now_us >= bus->young_until_us) {
		bus_end_joins(bus); /* so the next call is false */
	}
	return has_joined;
}

void bus_pause(gint64 duration_us)
{
	const bool never = false;
	iterate_until(&never, g_get_monotonic_time() + duration_us);
}

struct answer {
	GVariant *reply;
};

static void keep_answer(void *user_data, GVariant *reply)
{
	struct answer *answer = user_data;
	answer->reply = reply ? g_variant_ref(reply) : NULL;
}

GVariant *bus_ask(struct bus_app *app, const char *path, const char *interface, const char *method,
		GVariant *params, const char *type, gint64 deadline_us)
{
	struct answer answer = { NULL };
	bus_call(app, path, interface, method, params, type, keep_answer, &answer);
	bus_wait(app->bus, deadline_us);
	return answer.reply;
}

bool bus_has_given_up(const struct bus_app *app)
{
	return app->given_up;
}

void bus_begin(struct bus *bus, gint64 silence_us)
{
	bus->silence_us = silence_us;
	GHashTableIter iter;
	void *value = NULL;
	g_hash_table_iter_init(&iter, bus->apps);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		((struct bus_app *)value)->given_up = false;
	}
}

void bus_each_app(struct bus *bus, void (*each)(struct bus_app *app, void *user_data),
		void *user_data)
{
	GHashTableIter iter;
	void *value = NULL;
	g_hash_table_iter_init(&iter, bus->apps);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		each(value, user_data);
	}
}
