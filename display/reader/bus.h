#ifndef CUA_DISPLAY_READER_BUS_H
#define CUA_DISPLAY_READER_BUS_H

/* Calls on the accessibility bus: sent without waiting for the answers of those before, a bounded
 * number at a time to each application. An application that answers nothing for a while is given up
 * and costs the others no time. */

#include <stdbool.h>

#include <gio/gio.h>

#include "cua/base/error.h"

#define BUS_ACCESSIBLE "org.a11y.atspi.Accessible"
#define BUS_COMPONENT "org.a11y.atspi.Component"
#define BUS_TEXT "org.a11y.atspi.Text"

struct bus;

/* One application. */
struct bus_app {
	struct bus *bus;
	char *name; /* owned; unique name on the bus */
	unsigned int pid;
	int scale_percent; /* from its pixels to those of the screen; 0: the same */
	GQueue waiting;    /* calls not yet sent */
	unsigned int in_flight;
	gint64 heard_us; /* when it last answered, or was first asked */
	bool given_up;
};

/* reply is NULL if the call failed; borrowed. */
typedef void (*bus_reply_fn)(void *user_data, GVariant *reply);

/* Connects to the accessibility bus, which the session's bus starts if need be. */
CUA_NODISCARD enum cua_status bus_open(struct bus **ret_bus, struct cua_error *err);
void bus_close(struct bus *bus);
/* Applications join a bus for a while after it has appeared. Watching lasts until bus_end_joins();
 * anybody can say that he joined, and as often as he likes. */
void bus_watch_joins(struct bus *bus);
/* Waits until one has joined since the last call; false if the while, or the time, is over. */
bool bus_wait_for_join(struct bus *bus, gint64 deadline_us);
void bus_end_joins(struct bus *bus);
/* Between two questions about something that no application tells of by itself. */
void bus_pause(gint64 duration_us);
bool bus_is_open(const struct bus *bus);

struct bus_app *bus_app(struct bus *bus, const char *name);

/* params is consumed if it floats; type is that of the answer. on_reply is called once from
 * bus_wait(), for a given-up application as well. */
void bus_call(struct bus_app *app, const char *path, const char *interface, const char *method,
		GVariant *params, const char *type, bus_reply_fn on_reply, void *user_data);
void bus_get(struct bus_app *app, const char *path, const char *interface, const char *property,
		bus_reply_fn on_reply, void *user_data);
/* Handles answers until none is outstanding or the time is over; what is outstanding then fails. */
void bus_wait(struct bus *bus, gint64 deadline_us);
/* One call and its answer; NULL if it failed. */
GVariant *bus_ask(struct bus_app *app, const char *path, const char *interface, const char *method,
		GVariant *params, const char *type, gint64 deadline_us);
/* Since the last bus_begin(). */
bool bus_has_given_up(const struct bus_app *app);
/* silence_us: an application that has not answered for so long is given up. */
void bus_begin(struct bus *bus, gint64 silence_us);
void bus_each_app(struct bus *bus, void (*each)(struct bus_app *app, void *user_data),
		void *user_data);

#endif
