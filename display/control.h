#ifndef CUA_DISPLAY_CONTROL_H
#define CUA_DISPLAY_CONTROL_H

/* Who has the input of a desktop: the agent, or one person, who may have it in private. A state
 * machine of what people ask for and of time; no X, no sockets. README.md, "Take-over".
 *
 * Times are those of cua_now_us(), which goes on at the next host of the desktop. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

#define CONTROL_ID_SIZE 24
#define CONTROL_NAME_SIZE 128
#define CONTROL_NOTE_MAX 2000 /* bytes */
#define CONTROL_REQUESTS_MAX 8

/* A person without a sign, of input or by asking again, gives back after so long. */
#define CONTROL_IDLE_DEFAULT_S 300
#define CONTROL_IDLE_MAX_S 3600
/* Whose last viewer has left may come back within this time. */
#define CONTROL_GONE_S 30
/* In private it is over after so long, whatever is typed; asking again goes on. */
#define CONTROL_PRIVATE_S 1800
/* Who asks and is not heard of again asks no longer; who is given the desktop has to begin. */
#define CONTROL_REQUEST_S 120

struct control_person {
	char id[CONTROL_ID_SIZE]; /* who it is */
	char name[CONTROL_NAME_SIZE];
};

enum control_do { CONTROL_TAKE, CONTROL_REQUEST, CONTROL_GIVE };

/* What a person asks for. */
struct control_order {
	enum control_do what;
	struct control_person person;
	bool is_private;                 /* of a take or a request */
	bool is_forced;                  /* a give for whoever has it */
	int idle_s;                      /* of a take; 0: the default */
	char note[CONTROL_NOTE_MAX + 1]; /* for the model, when the desktop is given back */
};

struct control_request {
	struct control_person person;
	bool is_private;
	uint64_t since_us, until_us;
};

struct control {
	bool is_person; /* else the agent has it, and what follows up to requests is of before */
	bool is_private;
	bool is_asked; /* taken by word, and kept through a viewer's absence; else by input */
	bool has_viewer;
	bool was_private; /* at any time since it was taken */
	struct control_person person;
	uint64_t since_us, ended_us, idle_us, idle_until_us, private_until_us;
	int64_t clock_us; /* to be added for a time since 1970 */
	struct control_request requests[CONTROL_REQUESTS_MAX];
	int request_count;
	uint64_t revision; /* counts changes that others are told of */
};

/* What has changed for the desktop. */
enum control_change {
	CONTROL_SAME,
	CONTROL_TOLD,  /* nothing for the desktop; requests, time, mode */
	CONTROL_TAKEN, /* by somebody else than before */
	CONTROL_GIVEN, /* the agent has it */
};

/* The agent has it. */
void control_init(struct control *control, uint64_t now_us);

/**
 * control_order() - take, request, give; each may be repeated.
 * @ret_change: set on CUA_OK.
 *
 * Return: CUA_OK; CUA_ERR_EXISTS if another person has it, who is named; CUA_ERR_TOO_LARGE if too
 *         many wait.
 */
CUA_NODISCARD enum cua_status control_order(struct control *control,
		const struct control_order *order, uint64_t now_us, enum control_change *ret_change,
		struct cua_error *err);

/* May the person's input go to the desktop? Of a press, which takes a desktop that the agent has:
 * see control_take_by_input(). */
bool control_is_of(const struct control *control, const struct control_person *person);
/* The person has pressed something on a desktop that the agent has. */
void control_take_by_input(struct control *control, const struct control_person *person,
		bool is_private, uint64_t now_us);
/* The owner has given a sign. */
void control_renew(struct control *control, uint64_t now_us);
/* The owner has a viewer, or none (any more). */
enum control_change control_viewers(struct control *control, bool has_viewer, uint64_t now_us);
/* What time has ended. */
enum control_change control_expire(struct control *control, uint64_t now_us);
/* How long it has been had, or was. */
uint64_t control_held_us(const struct control *control, uint64_t now_us);
/* When control_expire() is to be called; UINT64_MAX: not at all. */
uint64_t control_next_us(const struct control *control);
/* When the owner's time is over. */
uint64_t control_expires_us(const struct control *control);

/* As GET /v1/control answers it, with times since 1970. The caller deletes. */
cJSON *control_describe(const struct control *control);

/* For the next host of the desktop, and by it. False if it is none. */
cJSON *control_to_json(const struct control *control);
bool control_from_json(const cJSON *json, struct control *control, uint64_t now_us);

#endif
