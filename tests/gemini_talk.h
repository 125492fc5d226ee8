#ifndef CUA_TESTS_GEMINI_TALK_H
#define CUA_TESTS_GEMINI_TALK_H

/* A conversation over Gemini with nobody. JSON is written with single quotes for double ones. */

#include "agent/model/gemini_internal.h"
#include "tests/agent_reply.h"

#define CALL(id, name, args, rest) \
	"{'functionCall':{" id "'name':'" name "','args':" args "}" rest "}"
#define CLICK \
	CALL("'id':'fc_1',", "click", "{'x':12,'y':980,'intent':'Open the menu'}", \
			",'thoughtSignature':'CiQB+/=='")
#define WAIT CALL("", "wait", "{'seconds':1, 'big':12345678901234567890}", "")

extern const struct agent_model_config gemini_config;

void *open_talk(const struct agent_model_config *with);
/* parts: the elements of a list. */
struct agent_turn turn_of(void *talk, const char *parts);

#endif
