/* YAML files: every value has a line, or the mistake has. */
#include <string.h>

#include "cua/base/yaml_file.h"
#include "tests/fuzz/fuzz.h"

static void check_lines(const struct cua_yaml *yaml, const cJSON *node, int depth)
{
	FUZZ_CHECK(depth <= CUA_YAML_DEPTH_MAX + 1);
	FUZZ_CHECK(cua_yaml_line(yaml, node) >= 1);
	for (const cJSON *child = node->child; child; child = child->next) {
		check_lines(yaml, child, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cua_yaml *yaml = NULL;
	struct cua_error err = { 0 };
	if (cua_yaml_parse("f.yaml", (const char *)data, size, &yaml, &err) != CUA_OK) {
		FUZZ_CHECK(strncmp(err.msg, "f.yaml:", 7) == 0 && atoi(err.msg + 7) >= 1);
		return 0;
	}
	if (!cJSON_IsNull(cua_yaml_root(yaml))) {
		check_lines(yaml, cua_yaml_root(yaml), 1);
	}
	cua_yaml_destroy(yaml);
	return 0;
}
