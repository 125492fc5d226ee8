#include "agent/tools/world.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "agent/tools/desktop_link.h"
#include "agent/tools/picture.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "driver_py.h"
#include "pyautogui_py.h"
#include "pyperclip_py.h"

static const char *const python_argv[] = { "python3", "-u", "-c", driver_py, pyautogui_py,
	pyperclip_py, NULL };

static cJSON *refusal(const struct cua_error *why)
{
	cJSON *answer = cJSON_CreateObject();
	cJSON_AddStringToObject(answer, "error", why->msg);
	cJSON_AddStringToObject(answer, "code", cua_status_name(why->status));
	return answer;
}

static cJSON *show(struct tool_call *call, const char *base64)
{
	struct cua_error why = { 0 };
	const size_t size = strlen(base64);
	CUA_AUTO_FREE unsigned char *bytes = malloc(size + 1);
	size_t len = 0;
	if (!bytes ||
			sodium_base642bin(bytes, size + 1, base64, size, NULL, &len, NULL,
					sodium_base64_VARIANT_ORIGINAL) != 0) {
		cua_error_set(&why, CUA_ERR_INVAL, 0, "display: this is no picture");
		return refusal(&why);
	}
	return tool_show_picture(call, bytes, len, &why) == CUA_OK ? cJSON_CreateObject()
								   : refusal(&why);
}

/* What a script wants: a picture shown, or actions of the desktop. */
static cJSON *answer(const cJSON *question, struct tool_call *call)
{
	struct cua_error why = { 0 };
	cJSON *answer = NULL;
	const char *picture = cua_json_string(question, "display");
	if (picture) {
		return show(call, picture);
	}
	return tool_desktop_ask(call, question, &answer, &why) == CUA_OK ? answer : refusal(&why);
}

static enum cua_status run(struct tool_call *call, struct cua_error *err)
{
	struct tool_worker *python = &call->world->python;
	const char *code = tool_string(call, "code");
	int code_status = 0;
	if (!python->argv) {
		*python = (struct tool_worker)TOOL_WORKER_OF("Python interpreter", python_argv);
		python->takes_interrupts = true;
		python->answer = answer;
	}
	if (tool_boolean(call, "restart")) {
		enum cua_status restarted = tool_worker_restart(python, call->world, err);
		if (restarted != CUA_OK) {
			return restarted;
		}
		if (!code) {
			return cua_buffer_printf(&call->text, err, "Python was restarted");
		}
	}
	if (!code) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "python: code is missing");
	}
	enum cua_status status = tool_worker_run(python, call, code, &code_status, err);
	call->is_error = code_status != 0;
	call->has_exit_status = code_status >= 0;
	call->exit_status = code_status;
	return status;
}

const struct tool tool_python = {
	.name = "python",
	.help = "Run Python on the desktop's machine. Variables stay from one call to the next. "
		"The "
		"module pyautogui acts on the desktop, waiting after each action until the screen "
		"has "
		"settled; log(...) and print(...) show values, display(picture) shows a PIL image, "
		"a "
		"file or its bytes. What the last line is worth is shown, too.",
	.place = TOOL_IN_SANDBOX,
	.effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS | CUA_EFFECT_REACHES_OUT,
	.args = { { "code", TOOL_ARG_STRING, .min = 1, .max = 1 << 20, .help = "what to run" },
			{ "timeout_s", TOOL_ARG_INTEGER, .min = 1, .max = 600,
					.help = "end it after so many seconds; 30 if not given" },
			{ "restart", TOOL_ARG_BOOLEAN, .help = "end the interpreter first" } },
	.run = run,
};
