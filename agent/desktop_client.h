#ifndef CUA_AGENT_DESKTOP_CLIENT_H
#define CUA_AGENT_DESKTOP_CLIENT_H

/* A desktop as the agent sees it: the desktop API (cua/contract/README.md) over one connection
 * that stays open, and the last screenshot. Nothing here is ever sent twice. */

#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/model/model.h"
#include "agent/model/model_spec.h"
#include "agent/secrets/store.h"
#include "cua/base/error.h"
#include "cua/contract/action.h"

struct agent_desktop;

/* What came of one request. */
struct agent_outcome {
	enum cua_status status;     /* CUA_OK, or what the desktop says went wrong with an action */
	int failed_action;          /* index of the action that failed; -1 if none is to blame */
	char message[512];          /* of the failure; "" otherwise */
	cJSON *answer;              /* owned; without the bytes of images */
	struct agent_image picture; /* owned; that the last action made; base64 NULL if none */
	const char *person_note;    /* inside answer; NULL if no person used the desktop */
	bool is_uncertain;          /* sent, and no answer came: what was done is not known */
	size_t invisible;           /* characters that nobody sees, left out of the answer */
	double ms;
};

void agent_outcome_finish(struct agent_outcome *outcome);

CUA_NODISCARD enum cua_status agent_desktop_create(const char *socket_path, int cancel_fd,
		struct agent_desktop **ret_desktop, struct cua_error *err);
void agent_desktop_destroy(struct agent_desktop *desktop);
/* Of cua_now_us(), for all that follows: what is not answered by then is given up, which ends it on
 * the desktop, with CUA_ERR_TIMEOUT. */
void agent_desktop_set_deadline(struct agent_desktop *desktop, uint64_t deadline_us);
/* From here on texts that actions type may name them. Borrowed; NULL for none. */
void agent_desktop_use_secrets(struct agent_desktop *desktop, const struct agent_secrets *secrets);

/* From here on screenshots have the size that suits these limits, and a pointer or none; the
 * coordinates of actions and answers are of that size. NULL: as the screen is. Asks the desktop for
 * the size of its screen, and for its network; errors as below. */
CUA_NODISCARD enum cua_status agent_desktop_fit(struct agent_desktop *desktop,
		const struct agent_image_limits *limits, struct cua_error *err);

/**
 * agent_desktop_act() - run actions, let the screen settle, look.
 * @actions:     canonical, at least one; borrowed. A "screenshot" without arguments costs nothing:
 * what is seen at the end is the screenshot.
 * @ret_outcome: overwritten whatever the outcome; release with agent_outcome_finish().
 *
 * An action that fails is CUA_OK with ret_outcome->status set. After CUA_OK
 * agent_desktop_screen() is what the desktop shows now.
 *
 * Return: CUA_OK; CUA_ERR_CANCELLED; CUA_ERR_CLOSED, CUA_ERR_TIMEOUT if the desktop cannot be
 *         reached or its answer does not come; others if it cannot show its screen.
 */
CUA_NODISCARD enum cua_status agent_desktop_act(struct agent_desktop *desktop, const cJSON *actions,
		struct agent_outcome *ret_outcome, struct cua_error *err);

/* May a script of a tool do this? actions: as agent_desktop_act() takes them, but in the pixels of
 * the screen. problem, "" before: why not, for the script; what is left "" may be done. False: the
 * call is to be given up. The desktop may be looked at meanwhile. */
typedef bool (*agent_desktop_judge_fn)(
		const cJSON *actions, char *problem, size_t size, void *user_data);

/* Runs a tool (agent/tools). ret_outcome->answer has "words", what it said, "is_error" and
 * "has_own_image", picture then is the tool's. The rest as agent_desktop_act(). judge: NULL:
 * scripts may do what they can. */
CUA_NODISCARD enum cua_status agent_desktop_tool(struct agent_desktop *desktop, const char *tool,
		const cJSON *arguments, agent_desktop_judge_fn judge, void *user_data,
		struct agent_outcome *ret_outcome, struct cua_error *err);

/* Asks which window is active now, without a picture; if that cannot be told, it is not known. */
void agent_desktop_glance(struct agent_desktop *desktop);
/* Of the screen, whatever the size of screenshots. */
struct cua_point agent_desktop_size(const struct agent_desktop *desktop);

/* NULL before the first agent_desktop_act(). Valid until the next. */
const struct agent_image *agent_desktop_screen(const struct agent_desktop *desktop);

/* "none", "allow" or "open": that applications have; NULL: not known. After agent_desktop_fit(). */
const char *agent_desktop_network(const struct agent_desktop *desktop);
/* Where its tools work; NULL: not known. Likewise. */
const char *agent_desktop_workspace(const struct agent_desktop *desktop);
/* "class" or "title" of the window that was active at the last answer; "" if none was, NULL if that
 * is not known. Valid until the next. */
const char *agent_desktop_window(const struct agent_desktop *desktop, const char *member);
/* Where the browser is now, without looking at the screen; the caller owns it. NULL: not known. */
char *agent_desktop_url(struct agent_desktop *desktop);

/* The person who has or had the desktop last. */
struct agent_lease {
	char person[128]; /* the name; "": not known */
	bool is_private;
	double ms; /* that they have or had it; 0: not known */
};

/* Waits until no person has the input; ret_lease is the last who had it. */
CUA_NODISCARD enum cua_status agent_desktop_await_lease(struct agent_desktop *desktop,
		struct agent_lease *ret_lease, struct cua_error *err);
/* Whether a person has it now, without waiting; if that cannot be told, nothing is known. */
bool agent_desktop_is_persons(struct agent_desktop *desktop, struct agent_lease *ret_lease);

#endif
