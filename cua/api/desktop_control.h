#ifndef CUA_API_DESKTOP_CONTROL_H
#define CUA_API_DESKTOP_CONTROL_H

/* POST /v1/control: what a person asks for, from JSON and to JSON. */

#include "cua/api/desktop_thread.h"

/* CUA_ERR_INVAL or CUA_ERR_TOO_LARGE naming the member. */
CUA_NODISCARD enum cua_status desktop_control_parse(const char *text, size_t len,
		struct control_order *ret_order, struct cua_error *err);
/* Whoever has it gives it back. */
struct control_order desktop_control_resume(void);
/* Answers whoever waits, and frees it. */
void desktop_control_answer(struct desktop_order *order);

#endif
