#include "display/control.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

#define SECOND_US 1000000U

void control_init(struct control *control, uint64_t now_us)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	*control = (struct control){ .ended_us = now_us,
		.clock_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - (int64_t)now_us };
}

bool control_is_of(const struct control *control, const struct control_person *person)
{
	return control->is_person && strcmp(control->person.id, person->id) == 0;
}

/* --- requests --- */

static int find_request(const struct control *control, const struct control_person *person)
{
	for (int i = 0; i < control->request_count; i++) {
		if (strcmp(control->requests[i].person.id, person->id) == 0) {
			return i;
		}
	}
	return -1;
}

/* Order is kept: the first who asked is the next. */
static bool remove_request(struct control *control, int index)
{
	if (index < 0) {
		return false;
	}
	const size_t after = (size_t)(control->request_count - index - 1);
	memmove(&control->requests[index], &control->requests[index + 1],
			after * sizeof(control->requests[0]));
	control->request_count--;
	return true;
}

static enum cua_status add_request(struct control *control, const struct control_order *order,
		uint64_t now_us, enum control_change *ret_change, struct cua_error *err)
{
	int index = find_request(control, &order->person);
	if (index < 0 && control->request_count == CONTROL_REQUESTS_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"%d people wait for this desktop already", CONTROL_REQUESTS_MAX);
	}
	*ret_change = CONTROL_SAME;
	if (index < 0) {
		index = control->request_count++;
		control->requests[index] = (struct control_request){ .person = order->person,
			.since_us = now_us };
		control->revision++;
		*ret_change = CONTROL_TOLD;
	}
	control->requests[index].is_private = order->is_private;
	control->requests[index].until_us = now_us + (uint64_t)CONTROL_REQUEST_S * SECOND_US;
	return CUA_OK;
}

/* --- the owner --- */

static void set_private(struct control *control, bool is_private, uint64_t now_us)
{
	control->is_private = is_private;
	control->was_private = control->was_private || is_private;
	control->private_until_us = now_us + (uint64_t)CONTROL_PRIVATE_S * SECOND_US;
}

static void set_owner(struct control *control, const struct control_person *person, bool is_private,
		uint64_t now_us)
{
	control->is_person = true;
	control->has_viewer = false;
	control->was_private = false;
	control->person = *person;
	control->since_us = now_us;
	control->idle_us = (uint64_t)CONTROL_IDLE_DEFAULT_S * SECOND_US;
	set_private(control, is_private, now_us);
	(void)remove_request(control, find_request(control, person));
	control->revision++;
}

void control_renew(struct control *control, uint64_t now_us)
{
	control->idle_until_us = now_us + control->idle_us;
}

/* To who has waited for longest, else to the agent. */
static enum control_change give(struct control *control, uint64_t now_us)
{
	if (control->request_count > 0) {
		const struct control_request next = control->requests[0];
		set_owner(control, &next.person, next.is_private, now_us);
		control->is_asked = true;
		control->idle_until_us = now_us + (uint64_t)CONTROL_REQUEST_S * SECOND_US;
		return CONTROL_TAKEN;
	}
	control->is_person = control->is_private = false;
	control->ended_us = now_us;
	control->revision++;
	return CONTROL_GIVEN;
}

void control_take_by_input(struct control *control, const struct control_person *person,
		bool is_private, uint64_t now_us)
{
	set_owner(control, person, is_private, now_us);
	control->is_asked = is_private;
	control_renew(control, now_us);
}

static enum control_change take(
		struct control *control, const struct control_order *order, uint64_t now_us)
{
	enum control_change change = CONTROL_TAKEN;
	if (!control_is_of(control, &order->person)) {
		set_owner(control, &order->person, order->is_private, now_us);
	} else {
		change = CONTROL_TOLD;
		control->revision++;
		set_private(control, order->is_private, now_us);
	}
	control->is_asked = true;
	if (order->idle_s > 0) {
		control->idle_us = (uint64_t)order->idle_s * SECOND_US;
	}
	control_renew(control, now_us);
	return change;
}

static enum cua_status fail_owned(const struct control *control, struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
			"%s has this desktop%s; ask for it with a request, which waits until it is "
			"given back",
			control->person.name, control->is_private ? " in private" : "");
}

enum cua_status control_order(struct control *control, const struct control_order *order,
		uint64_t now_us, enum control_change *ret_change, struct cua_error *err)
{
	const bool is_mine = control_is_of(control, &order->person);
	switch (order->what) {
	case CONTROL_TAKE:
		if (control->is_person && !is_mine) {
			return fail_owned(control, err);
		}
		*ret_change = take(control, order, now_us);
		return CUA_OK;
	case CONTROL_REQUEST:
		if (control->is_person && !is_mine) {
			return add_request(control, order, now_us, ret_change, err);
		}
		*ret_change = is_mine ? CONTROL_SAME : take(control, order, now_us);
		return CUA_OK;
	case CONTROL_GIVE:
		break;
	}
	if (control->is_person && (is_mine || order->is_forced)) {
		*ret_change = give(control, now_us);
		return CUA_OK;
	}
	/* Who waits does not want it any more. */
	const bool waited = remove_request(control, find_request(control, &order->person));
	control->revision += waited;
	*ret_change = waited ? CONTROL_TOLD : CONTROL_SAME;
	return waited || !control->is_person ? CUA_OK : fail_owned(control, err);
}

enum control_change control_viewers(struct control *control, bool has_viewer, uint64_t now_us)
{
	if (!control->is_person || control->has_viewer == has_viewer) {
		return CONTROL_SAME;
	}
	control->has_viewer = has_viewer;
	if (has_viewer) {
		control_renew(control, now_us);
		return CONTROL_SAME;
	}
	if (!control->is_asked) {
		return give(control, now_us);
	}
	const uint64_t until_us = now_us + (uint64_t)CONTROL_GONE_S * SECOND_US;
	control->idle_until_us =
			until_us < control->idle_until_us ? until_us : control->idle_until_us;
	return CONTROL_TOLD;
}

/* --- time --- */

uint64_t control_expires_us(const struct control *control)
{
	return control->is_private && control->private_until_us < control->idle_until_us
			? control->private_until_us
			: control->idle_until_us;
}

uint64_t control_held_us(const struct control *control, uint64_t now_us)
{
	return (control->is_person ? now_us : control->ended_us) - control->since_us;
}

uint64_t control_next_us(const struct control *control)
{
	uint64_t next_us = control->is_person ? control_expires_us(control) : UINT64_MAX;
	for (int i = 0; i < control->request_count; i++) {
		const uint64_t until_us = control->requests[i].until_us;
		next_us = until_us < next_us ? until_us : next_us;
	}
	return next_us;
}

enum control_change control_expire(struct control *control, uint64_t now_us)
{
	enum control_change change = CONTROL_SAME;
	for (int i = control->request_count - 1; i >= 0; i--) {
		if (control->requests[i].until_us <= now_us) {
			(void)remove_request(control, i);
			control->revision++;
			change = CONTROL_TOLD;
		}
	}
	return control->is_person && control_expires_us(control) <= now_us ? give(control, now_us)
									   : change;
}

/* --- in words --- */

/* Milliseconds since 1970. */
static double since_1970_ms(const struct control *control, uint64_t time_us)
{
	return (double)(((int64_t)time_us + control->clock_us) / 1000);
}

cJSON *control_describe(const struct control *control)
{
	cJSON *json = cJSON_CreateObject();
	const bool is_person = control->is_person;
	cJSON_AddStringToObject(json, "owner", is_person ? "person" : "agent");
	cJSON_AddItemToObject(json, "person",
			is_person ? cJSON_CreateString(control->person.name) : cJSON_CreateNull());
	if (is_person) {
		cJSON_AddStringToObject(json, "person_id", control->person.id);
	}
	cJSON_AddItemToObject(json, "mode",
			is_person ? cJSON_CreateString(control->is_private ? "private" : "act")
				  : cJSON_CreateNull());
	cJSON_AddNumberToObject(json, "since_ms",
			since_1970_ms(control, is_person ? control->since_us : control->ended_us));
	cJSON_AddItemToObject(json, "expires_ms",
			is_person ? cJSON_CreateNumber(since_1970_ms(
						    control, control_expires_us(control)))
				  : cJSON_CreateNull());
	cJSON *list = cJSON_AddArrayToObject(json, "requests");
	for (int i = 0; i < control->request_count; i++) {
		cJSON *request = cJSON_CreateObject();
		cJSON_AddStringToObject(request, "person", control->requests[i].person.name);
		cJSON_AddNumberToObject(request, "since_ms",
				since_1970_ms(control, control->requests[i].since_us));
		cJSON_AddItemToArray(list, request);
	}
	cJSON_AddNumberToObject(json, "revision", (double)control->revision);
	return json;
}

cJSON *control_to_json(const struct control *control)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddBoolToObject(json, "is_person", control->is_person);
	cJSON_AddBoolToObject(json, "is_private", control->is_private);
	cJSON_AddBoolToObject(json, "was_private", control->was_private);
	cJSON_AddBoolToObject(json, "is_asked", control->is_asked);
	cJSON_AddStringToObject(json, "id", control->person.id);
	cJSON_AddStringToObject(json, "name", control->person.name);
	cJSON_AddNumberToObject(json, "since_us", (double)control->since_us);
	cJSON_AddNumberToObject(json, "ended_us", (double)control->ended_us);
	cJSON_AddNumberToObject(json, "idle_us", (double)control->idle_us);
	cJSON_AddNumberToObject(json, "private_until_us", (double)control->private_until_us);
	cJSON_AddNumberToObject(json, "revision", (double)control->revision);
	return json;
}

bool control_from_json(const cJSON *json, struct control *control, uint64_t now_us)
{
	const char *id = cua_json_string(json, "id"), *name = cua_json_string(json, "name");
	const double since_us = cua_json_number(json, "since_us");
	const double idle_us = cua_json_number(json, "idle_us");
	const double until_us = cua_json_number(json, "private_until_us");
	if (!cJSON_IsBool(cua_json_member(json, "is_person")) || !id || !name || since_us < 0 ||
			idle_us < 0 || until_us < 0) {
		return false;
	}
	control_init(control, now_us);
	control->is_person = cJSON_IsTrue(cua_json_member(json, "is_person"));
	control->is_private = cJSON_IsTrue(cua_json_member(json, "is_private"));
	control->was_private = cJSON_IsTrue(cua_json_member(json, "was_private"));
	control->is_asked = cJSON_IsTrue(cua_json_member(json, "is_asked"));
	control->since_us = (uint64_t)since_us;
	control->ended_us = (uint64_t)cua_json_number(json, "ended_us");
	control->idle_us = (uint64_t)idle_us;
	control->private_until_us = (uint64_t)until_us;
	control->revision = (uint64_t)cua_json_number(json, "revision") + 1;
	snprintf(control->person.id, sizeof(control->person.id), "%s", id);
	snprintf(control->person.name, sizeof(control->person.name), "%s", name);
	/* The viewers went with the host: the time to come back is that of any absence. */
	const uint64_t gone_us = (uint64_t)CONTROL_GONE_S * SECOND_US;
	control->idle_until_us = now_us + (control->idle_us < gone_us ? control->idle_us : gone_us);
	return true;
}
