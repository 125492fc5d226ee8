#include "cua/template_desktop.h"

#include "cua/base/yaml_file.h"
#include "cua/desktop_options.h"

enum cua_status cua_template_desktop(const struct agent_template *template,
		struct cua_desktop_options *desktop, struct cua_error *err)
{
	const cJSON *option = NULL;
	cJSON_ArrayForEach (option, template->desktop) {
		struct cua_error why = { 0 };
		if (cua_desktop_option_fill(option->string, option->valuestring, desktop, &why) !=
				CUA_OK) {
			return cua_yaml_fail(template->yaml, option, err, "%s", why.msg);
		}
	}
	return cua_desktop_options_check(desktop, err);
}
