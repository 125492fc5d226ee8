/* Sessions of browsers: logins that are used once, and what a cookie opens, which goes to every
 * port of a machine, without the second value that the page alone has: nothing. */

#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_socket.h"

static struct serve_stage stage;

static int begin(void **state)
{
	(void)state;
	serve_stage_open(&stage);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serve_stage_close(&stage);
	return 0;
}

static struct serve_session another_session(void)
{
	struct output output;
	world_cua(&stage.world, &output, "serve", "login", NULL);
	expect_status(&output, 0, "cua serve login");
	char *login = strchr(output.out, '=');
	assert_non_null(login);
	login[strcspn(login, "\n")] = '\0';
	const struct serve_session session = serve_login(&stage, login + 1);
	output_finish(&output);
	return session;
}

/* The status of a request with these headers, up to a NULL. */
static long ask(const char *method, const char *path, const char *body, const char *const *headers)
{
	struct serve_call call = { method, path, body, "", { 0 } };
	for (size_t i = 0; headers[i]; i++) {
		call.headers[i] = headers[i];
	}
	struct serve_answer answer = serve_send(&stage, &call);
	serve_answer_finish(&answer);
	return answer.status;
}

/* A path with a ticket for another, or the same, one. */
static void with_ticket(const struct serve_session *session, const char *path, const char *of,
		char *ret_path, size_t size)
{
	char body[200];
	snprintf(body, sizeof(body), "{\"path\":\"%s\"}", of);
	const struct serve_call call = { "POST", "/v1/tickets", body, "",
		{ session->cookie, session->csrf, session->origin } };
	struct serve_answer answer = serve_send(&stage, &call);
	assert_int_equal(answer.status, 201);
	snprintf(ret_path, size, "%s?ticket=%s", path, cua_json_text(answer.json, "ticket"));
	serve_answer_finish(&answer);
}

static long open_socket(const char *path, const char *const *headers)
{
	char further[800];
	size_t len = 0;
	for (size_t i = 0; headers[i]; i++) {
		len += (size_t)snprintf(further + len, sizeof(further) - len, "%s\r\n", headers[i]);
	}
	struct serve_socket socket = serve_socket_open(&stage, path, true, "", further);
	serve_socket_close(&socket);
	return socket.status;
}

static void a_login_is_used_once(void **state)
{
	(void)state;
	char body[200];
	const struct serve_session session = serve_login(&stage, stage.login);
	snprintf(body, sizeof(body), "{\"login\":\"%s\"}", stage.login);
	const struct serve_call login = { "POST", "/v1/login", body, "", { 0 } };
	struct serve_answer second = serve_send(&stage, &login);
	assert_int_equal(second.status, 401);
	serve_answer_finish(&second);
	/* The cookie alone, with its page's origin, and with what its page knows. */
	const struct {
		const char *headers[4];
		long status;
	} tries[] = { { { session.cookie }, 403 }, { { session.cookie, session.origin }, 403 },
		{ { session.cookie, session.origin, session.csrf }, 201 },
		{ { session.cookie, "Origin: null", session.csrf }, 403 },
		{ { session.origin, session.csrf }, 401 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(tries); i++) {
		char project[64];
		snprintf(project, sizeof(project), "{\"name\":\"by a page %zu\"}", i);
		assert_int_equal(ask("POST", "/v1/projects", project, tries[i].headers),
				tries[i].status);
	}
}

static void a_page_chooses_the_second_value(void **state)
{
	(void)state;
	static const char chosen[] = "0123456789abcdef0123456789abcdef";
	const char *const bodies[] = { "{\"login\":\"x\",\"csrf\":\"too-short\"}", NULL };
	const char *const none[] = { NULL };
	struct output output;
	char body[300];
	assert_int_equal(ask("POST", "/v1/login", bodies[0], none), 400);
	world_cua(&stage.world, &output, "serve", "login", NULL);
	char *login = strchr(output.out, '=') + 1;
	login[strcspn(login, "\n")] = '\0';
	snprintf(body, sizeof(body), "{\"login\":\"%s\",\"csrf\":\"%s\"}", login, chosen);
	const struct serve_call call = { "POST", "/v1/login", body, "", { 0 } };
	struct serve_answer answer = serve_send(&stage, &call);
	output_finish(&output);
	assert_int_equal(answer.status, 201);
	assert_non_null(strstr(answer.headers, "HttpOnly; SameSite=Strict"));
	assert_string_equal(cua_json_text(answer.json, "csrf"), chosen);
	serve_answer_finish(&answer);
}

static void a_cookie_alone_reads_nothing(void **state)
{
	(void)state;
	const struct serve_session session = another_session(), other = another_session();
	static const char *const paths[] = { "/v1/session", "/v1/runs", "/v1/projects",
		"/v1/events", "/v1/projects/default/backup", "/v1/approvals" };
	static const char site[] = "Sec-Fetch-Site: same-origin";
	const char *const alone[] = { session.cookie, site, NULL };
	const char *const wrong[] = { session.cookie, site, other.csrf, NULL };
	const char *const empty[] = { session.cookie, site, "X-Cua-Csrf;", NULL };
	const char *const whole[] = { session.cookie, site, session.csrf, NULL };
	for (size_t i = 0; i < CUA_ARRAY_LEN(paths); i++) {
		assert_int_equal(ask("GET", paths[i], NULL, alone), 403);
		assert_int_equal(ask("GET", paths[i], NULL, wrong), 403);
		assert_int_equal(ask("GET", paths[i], NULL, empty), 403);
	}
	assert_int_equal(ask("GET", "/v1/session", NULL, whole), 200);
	assert_int_equal(ask("GET", "/v1/projects/default/backup", NULL, whole), 200);
	const char *const opens[] = { session.cookie, session.origin, NULL };
	assert_int_equal(open_socket("/v1/events", opens), 403);
	/* What gets tickets wants it, too. */
	assert_int_equal(ask("POST", "/v1/tickets", "{\"path\":\"/v1/events\"}", opens), 403);
}

static void a_ticket_opens_its_path_once(void **state)
{
	(void)state;
	static const char backup[] = "/v1/projects/default/backup", feed[] = "/v1/events";
	const struct serve_session session = another_session(), other = another_session();
	const char *const mine[] = { session.cookie, session.origin, NULL };
	const char *const theirs[] = { other.cookie, other.origin, NULL };
	const char *const nobody[] = { session.origin, NULL };
	char path[200];
	with_ticket(&session, feed, feed, path, sizeof(path));
	assert_int_equal(open_socket(path, mine), 101);
	assert_int_equal(open_socket(path, mine), 403);
	with_ticket(&session, backup, backup, path, sizeof(path));
	assert_int_equal(ask("GET", path, NULL, mine), 200);
	assert_int_equal(ask("GET", path, NULL, mine), 403);
	/* For another path, by another session, and by nobody. */
	with_ticket(&session, backup, feed, path, sizeof(path));
	assert_int_equal(ask("GET", path, NULL, mine), 403);
	with_ticket(&session, feed, feed, path, sizeof(path));
	assert_int_equal(open_socket(path, theirs), 403);
	with_ticket(&session, feed, feed, path, sizeof(path));
	assert_int_equal(open_socket(path, nobody), 401);
	/* Where it would open nothing, there is none. */
	const char *const whole[] = { session.cookie, session.origin, session.csrf, NULL };
	assert_int_equal(ask("POST", "/v1/tickets", "{\"path\":\"/v1/runs\"}", whole), 400);
	CUA_AUTO_JSON cJSON *refused =
			serve_json(&stage, "POST", "/v1/tickets", "{\"path\":\"/v1/events\"}", 400);
	assert_non_null(strstr(cua_json_text(refused, "detail"), "Authorization"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_is_used_once),
		cmocka_unit_test(a_page_chooses_the_second_value),
		cmocka_unit_test(a_cookie_alone_reads_nothing),
		cmocka_unit_test(a_ticket_opens_its_path_once),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}
