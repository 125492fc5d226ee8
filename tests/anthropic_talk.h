#ifndef CUA_TESTS_ANTHROPIC_TALK_H
#define CUA_TESTS_ANTHROPIC_TALK_H

/* A conversation with a server that speaks Anthropic Messages and answers as it is told. JSON is
 * written with ' for ". */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/model/model.h"
#include "tests/test_agent_fake.h"

#define SAY(index, block) \
	"{'type':'content_block_start','index':" index ",'content_block':" block "}\n" \
	"{'type':'content_block_stop','index':" index "}\n"
#define END(reason) \
	"{'type':'message_delta','delta':{'stop_reason':'" reason "'}}\n{'type':'message_stop'}\n"
#define START(id) "{'type':'message_start','message':{'id':'" id "'}}\n"
#define DONE START("msg_9") SAY("0", "{'type':'text','text':'Done.'}") END("end_turn")
#define ERROR(type, message) \
	"{'type':'error','error':{'type':'" type "','message':'" message "'},'request_id':'r'}"
#define THREAD_ERROR(code) \
	"{'type':'error','error':{'type':'invalid_request_error','message':'No.','details':{" \
	"'error_code':'" code "'}}}"

/* A turn with thinking whose bytes cJSON would not print again. */
#define THINKING "{'type':'thinking','thinking':'','signature':'EqQB\\u0041','n':1.50}"
#define CLICK(id) \
	"{'type':'tool_use','id':'" id "','name':'left_click','toolset_name':'computer','input':" \
	"{'coordinate':[1,2]}}"
#define SHOT(id) \
	"{'type':'tool_use','id':'" id "','name':'screenshot','toolset_name':'computer'," \
	"'input':{}}"
#define ACT(id) START(id) SAY("0", THINKING) SAY("1", CLICK(id "c")) END("tool_use")

struct reply {
	int http_status;   /* 0: 200 with a stream */
	const char *lines; /* events; of another status the body */
	const char *headers;
};

struct server {
	const struct reply *replies;
	size_t count, at;
	cJSON *asked; /* bodies, parsed */
	char *last;   /* owned; the last body, as it came */
	char heads[8][2048];
};

/* A conversation with a server that answers so. */
struct talk {
	struct server server;
	struct fake_server *fake;
	struct agent_model *model;
	struct agent_model_spec spec;
	struct agent_turn turn;
	char said[1000]; /* why something was sent again */
	struct cua_error why;
};

extern const struct agent_image talk_image;
/* Its bytes. */
void talk_write_image(const char *path);

struct agent_model_spec spec_of(const char *tool);
/* The task is told with the picture. flags: a configuration of which only these are looked at. */
void open_talk_as(struct talk *talk, struct agent_model_config flags,
		const struct agent_model_spec *spec, const struct reply *replies, size_t count);
void open_talk(struct talk *talk, const struct agent_model_spec *spec, const struct reply *replies,
		size_t count);
enum cua_status ask(struct talk *talk);
void ask_well(struct talk *talk);
/* All answers must have been asked for. */
void close_talk(struct talk *talk);
/* statuses: one for each call of the last turn. */
void answer_all(struct talk *talk, const enum agent_answer_status *statuses, const char *note);

/* "messages.2.content.0.text" of a body. */
const cJSON *at(const cJSON *json, const char *path);
const cJSON *asked(const struct talk *talk, int request);
/* "(nothing)" if there is none. */
const char *text_at(const struct talk *talk, int request, const char *path);
int count_breakpoints(const cJSON *json);
int count_images(const cJSON *json);

#endif
