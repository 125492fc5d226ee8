/* Projects: a folder of files that runs work in, and what runs are started with. */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/routes.h"
#include "cua/server/run_start.h"
#include "cua/server/server.h"
#include "cua/server/workspace.h"

#define ID_BYTES 6

static const struct field new_fields[] = { { "name", FIELD_TEXT, FIELD_REQUIRED, 1, 100, NULL, NULL,
							   "for people; one of a kind" },
	{ "defaults", FIELD_OBJECT, .of = &run_settings,
			.help = "of its runs, where a request does not say otherwise" },
	{ 0 } };
static const struct fields new_body = { "NewProject", new_fields };

static const struct field change_fields[] = { { "name", FIELD_TEXT, 0, 1, 100 },
	{ "defaults", FIELD_OBJECT, .of = &run_settings, .help = "all of them anew" }, { 0 } };
static const struct fields change_body = { "ProjectChange", change_fields };

static const struct field project_fields[] = { { "id", FIELD_TEXT, FIELD_REQUIRED },
	{ "name", FIELD_TEXT, FIELD_REQUIRED },
	{ "defaults", FIELD_OBJECT, FIELD_REQUIRED, .of = &run_settings },
	{ "created_ms", FIELD_NUMBER, FIELD_REQUIRED, .help = "milliseconds since 1970" },
	{ "changed_ms", FIELD_NUMBER, FIELD_REQUIRED }, { 0 } };
static const struct fields project_answer = { "Project", project_fields };

static enum cua_status name_error(enum cua_status status, const char *name, struct cua_error *err)
{
	return status == CUA_ERR_EXISTS
			? CUA_FAIL(err, CUA_ERR_EXISTS, 0, "there is a project \"%.100s\" already",
					  name)
			: status;
}

static enum cua_status check_defaults(const struct request *request, struct cua_error *err)
{
	return run_settings_check(cua_json_member(request->body, "defaults"),
			request->caller.scopes & SCOPE_ADMIN, err);
}

static enum cua_status post_project(struct request *request, struct cua_error *err)
{
	unsigned char bytes[ID_BYTES];
	char id[2 * ID_BYTES + 1];
	const char *name = cua_json_text(request->body, "name");
	const cJSON *defaults = cua_json_member(request->body, "defaults");
	CUA_AUTO_JSON cJSON *none = cJSON_CreateObject();
	if (check_defaults(request, err) != CUA_OK) {
		return err->status;
	}
	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2hex(id, sizeof(id), bytes, sizeof(bytes));
	return name_error(store_get(request->server->store, &request->answer, err, "gone",
					  "INSERT INTO projects (id, name, defaults_json, "
					  "created_ms, "
					  "changed_ms) VALUES (?, ?, ?, ?4, ?4) RETURNING *",
					  "ssji", id, name, defaults ? defaults : none,
					  store_now_ms()),
			name, err);
}

static enum cua_status get_projects(struct request *request, struct cua_error *err)
{
	cJSON *items = NULL;
	enum cua_status status = store_run(request->server->store, &items, err,
			"SELECT * FROM projects WHERE id > ? ORDER BY id LIMIT ?", "si",
			cua_json_text(request->query, "after"),
			(int64_t)request_limit(request) + 1);
	if (status == CUA_OK) {
		request_answer_list(request, items, "id");
	}
	return status;
}

static enum cua_status get_project(struct request *request, struct cua_error *err)
{
	return store_get(request->server->store, &request->answer, err, "there is no such project",
			"SELECT * FROM projects WHERE id = ?", "s", request->parameters[0]);
}

static enum cua_status patch_project(struct request *request, struct cua_error *err)
{
	const char *name = cua_json_string(request->body, "name");
	if (check_defaults(request, err) != CUA_OK) {
		return err->status;
	}
	return name_error(store_get(request->server->store, &request->answer, err,
					  "there is no such project",
					  "UPDATE projects SET name = COALESCE(?, name), "
					  "defaults_json = "
					  "COALESCE(?, defaults_json), changed_ms = ? WHERE id = ? "
					  "RETURNING *",
					  "sjis", name, cua_json_member(request->body, "defaults"),
					  store_now_ms(), request->parameters[0]),
			name ? name : "", err);
}

/* With its files; not with its runs, whose costs would be lost. */
static enum cua_status delete_project(struct request *request, struct cua_error *err)
{
	char path[1100];
	CUA_AUTO_JSON cJSON *row = NULL, *runs = NULL;
	struct store *store = request->server->store;
	const char *id = request->parameters[0];
	enum cua_status status = store_run(store, &runs, err,
			"SELECT id FROM runs WHERE project = ? LIMIT 1", "s", id);
	if (status == CUA_OK && cJSON_GetArraySize(runs) > 0) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
				"this project has runs: delete them first, %s for one",
				cua_json_text(runs->child, "id"));
	}
	if (status == CUA_OK && strcmp(id, "default") == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the default project stays");
	}
	if (status == CUA_OK) {
		status = store_get(store, &row, err, "there is no such project",
				"DELETE FROM projects WHERE id = ? RETURNING id", "s", id);
	}
	if (status == CUA_OK) {
		status = workspace_of_project(
				request->server, cua_json_text(row, "id"), path, sizeof(path), err);
	}
	return status == CUA_OK ? cua_remove_tree(path, err) : status;
}

static const struct route table[] = {
	{ "POST", "/v1/projects", "createProject", "Makes a project", SCOPE_ACT, ROUTE_ONCE, NULL,
			&new_body, &project_answer, 201, post_project },
	{ "GET", "/v1/projects", "listProjects", "All projects", SCOPE_WATCH, ROUTE_LIST,
			&list_query, NULL, &project_answer, 0, get_projects },
	{ "GET", "/v1/projects/{project}", "getProject", "One project", SCOPE_WATCH, 0, NULL, NULL,
			&project_answer, 0, get_project },
	{ "PATCH", "/v1/projects/{project}", "changeProject", "Changes its name or its defaults",
			SCOPE_ACT, ROUTE_ONCE, NULL, &change_body, &project_answer, 0,
			patch_project },
	{ "DELETE", "/v1/projects/{project}", "deleteProject",
			"Deletes a project without runs, with its files", SCOPE_ADMIN, 0, NULL,
			NULL, NULL, 0, delete_project },
};
const struct routes project_routes =
		ROUTES("projects", "A folder of files, and what its runs are started with", table);
