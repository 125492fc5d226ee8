#include "cua/policy_servers.h"

#include <errno.h>

#include "agent/mcp/mcp_config.h"
#include "agent/mcp/mcp_pins.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

enum cua_status policy_servers_read(cJSON **ret_servers, struct cua_error *err)
{
	struct agent_mcp_config config;
	enum cua_status status = agent_mcp_config_load_usable(NULL, NULL, &config, err);
	if (status != CUA_OK) {
		return status;
	}
	CUA_AUTO_JSON cJSON *servers = cJSON_CreateObject();
	for (size_t i = 0; status == CUA_OK && i < config.count; i++) {
		const char *name = config.entries[i].name;
		cJSON *tools = NULL;
		status = agent_mcp_pins_tools(name, &tools, err);
		tools = tools ? tools : cJSON_CreateNull();
		if (status == CUA_OK && !cJSON_AddItemToObject(servers, name, tools)) {
			status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "servers");
		}
	}
	agent_mcp_config_finish(&config);
	if (status == CUA_OK) {
		*ret_servers = CUA_STEAL(servers);
	}
	return status;
}
