#ifndef CUA_TESTS_AGENT_STAGE_H
#define CUA_TESTS_AGENT_STAGE_H

/* A model that says what it is told to and a desktop that does what it is told to, both over real
 * HTTP, and a run between them. A test sets replies and faults, plays, and looks. */

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "agent/agent.h"
#include "tests/test_agent_fake.h"

/* Two pictures of one pixel; what size they claim to be is up to the desktop. */
extern const char *const agent_stage_pictures[2];
/* What the desktop shows of a region. */
extern const char agent_stage_zoomed[];

/* --- answers of the model, as the Responses API streams them --- */

#define EVENT(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"," rest "}\n\n"
#define ITEM(item) EVENT("response.output_item.done", "\"item\":" item)
#define END \
	EVENT("response.completed", \
			"\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":100," \
			"\"output_tokens\":10}}")
#define CALL(id, actions) \
	ITEM("{\"type\":\"computer_call\",\"id\":\"cu\",\"call_id\":\"" id \
	     "\",\"status\":\"completed\",\"actions\":[" actions "]}")
#define FUNCTION(id, name, arguments) \
	ITEM("{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"" name \
	     "\",\"arguments\":\"" arguments "\"}")
#define SAY(text) \
	ITEM("{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":" \
	     "\"output_text\",\"text\":\"" text "\"}]}")
#define REASON \
	ITEM("{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[{\"type\":\"summary_text\"," \
	     "\"text\":\"I look.\"}],\"encrypted_content\":\"gAAAA\"}")
#define CLICK "{\"type\":\"click\",\"button\":\"left\",\"x\":412,\"y\":230}"
#define TYPE "{\"type\":\"type\",\"text\":\"hello\"}"
#define DONE SAY("All done.") END

/* --- the stage --- */

#define KEY "sk-test-0123456789"

struct agent_stage {
	char dir[64], socket[96], url[64];
	int cancel_fd;
	struct fake_server *model, *desktop;
	struct cua_agent_options options;
	struct cua_agent_result result;
	bool says_yes, says_nothing;
	int questions; /* that a person was asked, and the last of them */
	char asked_words[1024], asked_reason[256], asked_note[256], asked_picture[300];

	/* The model: replies in order, the last one again and again. */
	const char *replies[16];
	struct fake_reply faults[16]; /* http_status 0: none */
	size_t cuts[16];
	/* The first reply is cut behind its first byte, then behind its second, and so on, until a
	 * request has this in it: that gets the second reply. NULL: no. */
	const char *cut_until;
	cJSON *asked; /* bodies that came in */
	char authorization[128];

	/* The desktop. */
	cJSON *acted;  /* bodies that came in */
	int fail_post; /* this POST fails at its action 0; -1: none */
	const char *fail_code;
	int fail_http;
	int hang_up_post;         /* hang up on this POST; -1: none */
	int cancel_post;          /* a Ctrl-C arrives while this POST runs */
	int cancel_ask;           /* a Ctrl-C arrives with this request to the model */
	bool is_still;            /* nothing ever changes */
	int take_ask;             /* a person takes the desktop while it is answered; -1 */
	bool is_taken, was_taken; /* now; the model has not been told yet */
	int lease_waits;
	int lease_ms;        /* a person has the desktop for so long once they have it */
	const char *network; /* that it says it has */
	const char *focused; /* JSON of the window that it says is active; NULL: it does not say */
	int silent_post;     /* no answer to this POST; -1: none */
	/* What it answers to a tool and to each word on what its script does, in order; after the
	 * last, and where it is NULL, it is silent. */
	const char *tool_answers[8];
	cJSON *tool_bodies; /* that came in */
};

/* For cmocka. What a run came to is checked at the end: whole lines in its journal, a report, and
 * no key in either. */
int agent_stage_set_up(void **state);
int agent_stage_tear_down(void **state);
/* A test on a stage of its own, in a list of cmocka's. */
#define STAGED(test) \
	cmocka_unit_test_setup_teardown(test, agent_stage_set_up, agent_stage_tear_down)

/* Runs, and stops the servers: after it the stage is this thread's. */
void agent_stage_play(struct agent_stage *stage);
/* A file in the folder of the run; the caller owns it. */
char *agent_stage_read(const struct agent_stage *stage, const char *name);

/* The input of a request to the model. */
const cJSON *agent_stage_input(const struct agent_stage *stage, int request);
/* The text of the last user message of a request. */
const char *agent_stage_last_words(const struct agent_stage *stage, int request);
/* Requests that the desktop got. */
int agent_stage_acted(const struct agent_stage *stage);
const char *agent_stage_text(const cJSON *object, const char *name);

#endif
