#ifndef CUA_SERVER_DESKTOP_CONTROL_H
#define CUA_SERVER_DESKTOP_CONTROL_H

/* Who has a desktop, as its host says. On a request's thread, or another that may wait. */

#include "cua/base/error.h"
#include "cua/server/tokens.h"
#include "display/desktop_record.h"

#include <cJSON.h>

/* ret_answer: what the host says, also beside an error; the caller's; NULL: nothing.
 * CUA_ERR_UNAVAILABLE if there is no host. */
CUA_NODISCARD enum cua_status desktop_control_ask(const struct desktop_record *record,
		const char *method, const cJSON *body, cJSON **ret_answer, struct cua_error *err);
/* Who has lost their token keeps no desktop: it is given back, or goes to who waits for it. */
void desktop_control_give_all(const char *person);
/* CUA_ERR_PERSON while another has it in private: what runs on it could look at the screen. */
CUA_NODISCARD enum cua_status desktop_control_check(const struct desktop_record *record,
		const struct caller *caller, struct cua_error *err);

#endif
