/* What scripts of tools may ask of the desktop. */

#include "cua/api/desktop_request.h"
#include "cua/base/util.h"

/* What the modules of scripts do; not what ends programs. */
static enum cua_status check_script(const struct desktop_request *request, struct cua_error *err)
{
	static const enum cua_action_type allowed[] = { CUA_ACTION_SCREENSHOT, CUA_ACTION_MOVE,
		CUA_ACTION_CLICK, CUA_ACTION_MOUSE_DOWN, CUA_ACTION_MOUSE_UP, CUA_ACTION_DRAG,
		CUA_ACTION_SCROLL, CUA_ACTION_TYPE, CUA_ACTION_KEY, CUA_ACTION_HOLD_KEY,
		CUA_ACTION_CURSOR_POSITION, CUA_ACTION_LIST_WINDOWS, CUA_ACTION_FOCUS_WINDOW,
		CUA_ACTION_CLOSE_WINDOW, CUA_ACTION_MOVE_WINDOW, CUA_ACTION_RESIZE_WINDOW,
		CUA_ACTION_MAXIMIZE_WINDOW, CUA_ACTION_MINIMIZE_WINDOW, CUA_ACTION_RESTORE_WINDOW,
		CUA_ACTION_CLIPBOARD_GET, CUA_ACTION_CLIPBOARD_SET };
	if (request->secrets.count > 0 || request->scale.width > 0) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"scripts have no secrets, and speak of the screen's pixels");
	}
	for (int i = 0; i < request->count; i++) {
		bool is_allowed = false;
		for (size_t k = 0; k < CUA_ARRAY_LEN(allowed); k++) {
			is_allowed = is_allowed || request->actions[i].type == allowed[k];
		}
		if (!is_allowed) {
			return CUA_FAIL(err, CUA_ERR_POLICY, 0, "scripts cannot do %s",
					cua_action_table[request->actions[i].type].name);
		}
	}
	return CUA_OK;
}

enum cua_status desktop_script_parse(const char *text, size_t len, struct cua_point screen,
		struct desktop_request *ret_request, int *ret_index, struct cua_error *err)
{
	enum cua_status status =
			desktop_request_parse(text, len, screen, ret_request, ret_index, err);
	return status == CUA_OK ? check_script(ret_request, err) : status;
}
