#include "tests/serve_stage.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/waiting.h"

#define ANSWER_TIMEOUT_S 60

/* --- the server --- */

/* It has printed its URL. */
static bool listens(void *data)
{
	struct serve_stage *stage = data;
	char line[256] = "";
	return pread(stage->server.out, line, sizeof(line) - 1, 0) > 0 && strchr(line, '\n') &&
			sscanf(line, "%63[^#]#login=%127s", stage->base, stage->login) == 2;
}

void serve_stage_begin(struct serve_stage *stage)
{
	const char *const argv[] = { stage->world.program, "serve", "--port=0", "--print-login",
		stage->spares ? stage->spares : "--spares=0", stage->option, NULL };
	stage->server = world_begin(&stage->world, argv, stage->environment, NULL, 0);
	wait_until(listens, stage, "cua serve");
	stage->base[strlen(stage->base) - 1] = '\0'; /* the slash */
}

void serve_stage_open(struct serve_stage *stage)
{
	struct output output;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	world_create(&stage->world, (uid_t)-1);
	serve_stage_begin(stage);
	world_cua(&stage->world, &output, "serve", "token", "test", "--scopes=admin", NULL);
	expect_status(&output, 0, "cua serve token");
	assert_int_equal(sscanf(output.out, "%127s", stage->token), 1);
	output_finish(&output);
}

void serve_stage_kill_and_start(struct serve_stage *stage)
{
	struct output output;
	kill(stage->server.pid, SIGKILL);
	world_await(&stage->world, &stage->server, &output);
	output_finish(&output);
	serve_stage_begin(stage);
}

void serve_stage_end(struct serve_stage *stage)
{
	struct output output;
	kill(stage->server.pid, SIGTERM);
	world_await(&stage->world, &stage->server, &output);
	expect_status(&output, 0, "cua serve, ended by SIGTERM");
	output_finish(&output);
}

void serve_stage_keep_key(const struct serve_stage *stage)
{
	struct output output;
	const char *const argv[] = { stage->world.program, "secret", "set", "--api-key",
		"CUA_API_KEY", NULL };
	world_exec(&stage->world, argv, NULL, "standin-needs-none", 18, &output);
	expect_status(&output, 0, "cua secret set");
	output_finish(&output);
}

void serve_stage_close(struct serve_stage *stage)
{
	serve_stage_end(stage);
	world_destroy(&stage->world);
	curl_global_cleanup();
}

/* --- the client --- */

static size_t take(const char *data, size_t size, size_t count, void *user_data)
{
	char **text = user_data;
	const size_t len = *text ? strlen(*text) : 0;
	*text = realloc(*text, len + size * count + 1);
	assert_non_null(*text);
	memcpy(*text + len, data, size * count);
	(*text)[len + size * count] = '\0';
	return size * count;
}

static struct curl_slist *headers_of(const struct serve_stage *stage, const struct serve_call *call)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	const char *token = call->token ? call->token : stage->token;
	char authorization[200];
	bool has_type = false;
	if (token[0]) {
		snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
		headers = curl_slist_append(headers, authorization);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(call->headers) && call->headers[i]; i++) {
		headers = curl_slist_append(headers, call->headers[i]);
		has_type = has_type || strncmp(call->headers[i], "Content-Type:", 13) == 0;
	}
	return has_type ? headers : curl_slist_append(headers, "Content-Type: application/json");
}

struct serve_answer serve_send(const struct serve_stage *stage, const struct serve_call *call)
{
	struct serve_answer answer = { 0 };
	char url[2048];
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = headers_of(stage, call);
	snprintf(url, sizeof(url), "%s%s", stage->base, call->path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)ANSWER_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.text);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer.headers);
	if (call->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
	}
	const CURLcode code = curl_easy_perform(curl);
	if (code != CURLE_OK) {
		fail_msg("%s %s: %s", call->method, call->path, curl_easy_strerror(code));
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	answer.json = answer.text ? cJSON_Parse(answer.text) : NULL;
	return answer;
}

void serve_answer_finish(struct serve_answer *answer)
{
	cJSON_Delete(answer->json);
	free(answer->text);
	free(answer->headers);
}

cJSON *serve_json(const struct serve_stage *stage, const char *method, const char *path,
		const char *body, long expected)
{
	const struct serve_call call = { .method = method, .path = path, .body = body };
	struct serve_answer answer = serve_send(stage, &call);
	if (answer.status != expected) {
		fail_msg("%s %s: %ld %s", method, path, answer.status,
				answer.text ? answer.text : "");
	}
	cJSON *json = CUA_STEAL(answer.json);
	serve_answer_finish(&answer);
	return json;
}

struct serve_session serve_login(const struct serve_stage *stage, const char *login)
{
	struct serve_session made;
	char body[200], session[200];
	snprintf(body, sizeof(body), "{\"login\":\"%s\"}", login);
	const struct serve_call call = { "POST", "/v1/login", body, "", { 0 } };
	struct serve_answer answer = serve_send(stage, &call);
	assert_int_equal(answer.status, 201);
	char name[40];
	snprintf(name, sizeof(name), "cua_session_%s=", strrchr(stage->base, ':') + 1);
	const char *set = strstr(answer.headers, name);
	assert_non_null(set);
	assert_int_equal(sscanf(set + strlen(name), "%199[^;]", session), 1);
	/* Those of servers beside this one are none of it. */
	snprintf(made.cookie, sizeof(made.cookie),
			"Cookie: cua_session=cua_1; cua_session_1=cua_1; %s%s", name, session);
	snprintf(made.csrf, sizeof(made.csrf), "X-Cua-Csrf: %s",
			cua_json_text(answer.json, "csrf"));
	snprintf(made.origin, sizeof(made.origin), "Origin: %s", stage->base);
	serve_answer_finish(&answer);
	return made;
}

int serve_post_unread(const struct serve_stage *stage, const char *path, const char *body)
{
	char request[1024];
	const int port = (int)strtol(strrchr(stage->base, ':') + 1, NULL, 10);
	const int len = snprintf(request, sizeof(request),
			"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
			"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			path, port, stage->token, strlen(body), body);
	const struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_in_range(len, 1, sizeof(request) - 1);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(write(fd, request, (size_t)len), len);
	return fd;
}
