#ifndef CUA_TESTS_TAKEOVER_STAGE_H
#define CUA_TESTS_TAKEOVER_STAGE_H

/* A desktop with a recorder, and a person at it with a viewer. */

#include <stdint.h>

#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/vnc_viewers.h"

#define EVE "\"person\":{\"id\":\"eve\",\"name\":\"Eve\"}"
#define ANN "\"person\":{\"id\":\"ann\",\"name\":\"Ann\"}"
/* An action that does nothing: its answer has the note. */
#define TAKEOVER_LOOK "{\"actions\":[{\"action\":\"wait\",\"duration_ms\":0}]}"

struct takeover_stage {
	struct world world;
	struct desktop desktop; /* "taken" */
	rfbClient *viewer;      /* of the person at this machine */
	struct vnc_seen seen;
};

extern struct takeover_stage takeover;

/* For cmocka: of the group, before a test, of the group. */
int takeover_start(void **state);
int takeover_renew_viewer(void **state);
int takeover_finish(void **state);
rfbClient *takeover_connect_viewer(struct vnc_seen *ret_seen);

/* POST /v1/control; the answer, the caller deletes. */
cJSON *takeover_control_of(struct desktop *of, const char *body, long status);
cJSON *takeover_control(const char *body, long status);
cJSON *takeover_get(const char *path, long status);
/* Of the person at this machine. */
void takeover_take(const char *body);
void takeover_give(void);
void takeover_expect_owner(const char *name, const char *mode);

/* By the viewer. F12 marks the end of what is recorded. */
void takeover_press_key(uint32_t keysym);
/* For wait_until(). */
bool takeover_has_marker(void *data);
bool takeover_agent_has_it(void *data);

/* What was sent by desktop_post_and_leave_open() is answered: refused, unless it was over. */
void takeover_expect_end(int fd);
/* The next answer tells this of the person, and the one after it nothing. */
void takeover_expect_note(const char *text);
void takeover_forget_notes(void);

#endif
