#include "cua/base/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cua/base/util.h"

#define DEFAULT_CONNECT_TIMEOUT_MS 10000L
#define DEFAULT_MAX_BODY_LEN ((size_t)64 << 20)
#define DRIVE_MS 1000
#define LINGER_MS 100
#define UPLOAD_PIECE (256L << 10) /* bytes at a time; a conversation has millions */
/* A desktop's answers are pictures, and libcurl polls for each piece of this size. */
#define UNIX_READ_LEN (64L << 10)
/* libcurl hangs up itself, by default after two minutes, and a desktop takes that for its caller's
 * end. A socket of this machine is as good as new until its server closes it. */
#define UNIX_IDLE_MAX_S (7L * 24 * 3600)

struct cua_http_client {
	CURLM *multi;
	CURL *easy;
	char *unix_path;
	int cancel_fd;
	bool leaves_open; /* the peer says all, and does not end the body */
};

struct transfer {
	const struct cua_http_request *request;
	struct cua_http_response *response;
	CURL *easy;
	size_t body_sent;
	size_t headers_len;
	enum cua_status status; /* what a callback of ours failed with */
	struct cua_error *err;
};

enum cua_status cua_http_client_create(const char *unix_path, int cancel_fd,
		struct cua_http_client **ret_client, struct cua_error *err)
{
	struct cua_http_client *client = calloc(1, sizeof(*client));
	if (!client) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "HTTP client");
	}
	client->cancel_fd = cancel_fd;
	client->unix_path = unix_path ? strdup(unix_path) : NULL;
	client->multi = curl_multi_init();
	client->easy = curl_easy_init();
	if (!client->multi || !client->easy || (unix_path && !client->unix_path)) {
		cua_http_client_destroy(client);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "HTTP client");
	}
	*ret_client = client;
	return CUA_OK;
}

void cua_http_client_destroy(struct cua_http_client *client)
{
	if (!client) {
		return;
	}
	curl_easy_cleanup(client->easy);
	curl_multi_cleanup(client->multi);
	free(client->unix_path);
	free(client);
}

void cua_http_response_finish(struct cua_http_response *response)
{
	cua_buffer_finish(&response->body);
}

static size_t on_body(char *data, size_t size, size_t count, void *user_data)
{
	struct transfer *transfer = user_data;
	size_t len = size * count;
	long http_status = 0;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &http_status);
	const char *encoding = transfer->response->content_encoding;
	if (encoding[0] && strcasecmp(encoding, "identity") != 0) {
		transfer->status = CUA_FAIL(transfer->err, CUA_ERR_UNAVAILABLE, 0,
				"%s: the answer is compressed (%s), which was not asked for",
				transfer->request->url, encoding);
	} else if (transfer->request->on_data && http_status >= 200 && http_status < 300) {
		transfer->status = transfer->request->on_data(
				data, len, transfer->request->user_data, transfer->err);
	} else {
		transfer->status = cua_buffer_append(
				&transfer->response->body, data, len, transfer->err);
	}
	return transfer->status == CUA_OK ? len : CURL_WRITEFUNC_ERROR;
}

/* Copies the value if the header line carries this name. */
static void keep_header(const char *line, size_t len, const char *name, char *value, size_t size)
{
	size_t name_len = strlen(name);
	if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0) {
		return;
	}
	const char *start = line + name_len + 1, *end = line + len;
	while (start < end && (*start == ' ' || *start == '\t')) {
		start++;
	}
	while (end > start && strchr("\r\n \t", end[-1])) {
		end--;
	}
	snprintf(value, size, "%.*s", (int)(end - start), start);
}

static size_t on_upload(char *to, size_t size, size_t count, void *user_data)
{
	struct transfer *transfer = user_data;
	const struct cua_http_request *request = transfer->request;
	size_t len = request->body_len - transfer->body_sent;
	len = len < size * count ? len : size * count;
	if (request->body_fn) {
		transfer->status = request->body_fn(
				to, len, &len, request->body_user_data, transfer->err);
		if (transfer->status != CUA_OK) {
			return CURL_READFUNC_ABORT;
		}
	} else {
		memcpy(to, request->body + transfer->body_sent, len);
	}
	transfer->body_sent += len;
	return len;
}

static enum cua_status too_many_headers(const struct transfer *transfer)
{
	return CUA_FAIL(transfer->err, CUA_ERR_TOO_LARGE, 0,
			"%s: the headers of the answer are over %d bytes", transfer->request->url,
			CUA_HTTP_HEADERS_MAX);
}

static size_t on_header(char *line, size_t size, size_t count, void *user_data)
{
	struct transfer *transfer = user_data;
	struct cua_http_response *response = transfer->response;
	size_t len = size * count;
	transfer->headers_len += len;
	if (transfer->headers_len > CUA_HTTP_HEADERS_MAX) {
		transfer->status = too_many_headers(transfer);
		return CURL_WRITEFUNC_ERROR;
	}
	if (len == 2 && memcmp(line, "\r\n", 2) == 0 && transfer->request->on_headers) {
		transfer->request->on_headers(transfer->request->user_data);
	}
	keep_header(line, len, "content-type", response->content_type,
			sizeof(response->content_type));
	keep_header(line, len, "etag", response->etag, sizeof(response->etag));
	keep_header(line, len, "retry-after", response->retry_after, sizeof(response->retry_after));
	keep_header(line, len, "retry-after-ms", response->retry_after_ms,
			sizeof(response->retry_after_ms));
	keep_header(line, len, "x-should-retry", response->should_retry,
			sizeof(response->should_retry));
	keep_header(line, len, "mcp-session-id", response->session_id,
			sizeof(response->session_id));
	keep_header(line, len, "location", response->location, sizeof(response->location));
	keep_header(line, len, "content-encoding", response->content_encoding,
			sizeof(response->content_encoding));
	return len;
}

static void set_options(struct cua_http_client *client, const struct cua_http_request *request,
		struct curl_slist *headers, struct transfer *transfer)
{
	CURL *easy = client->easy;
	curl_easy_reset(easy); /* keeps the connection */
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	const char *ca_file =
			getenv("SSL_CERT_FILE"); /* OpenSSL's own; libcurl has another default */
	if (ca_file && ca_file[0]) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
	}
	if (client->unix_path) {
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->unix_path);
		curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, UNIX_READ_LEN);
		curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, UNIX_IDLE_MAX_S);
	}
	if (client->unix_path || request->no_proxy) {
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	}
	if (request->body || request->body_fn) {
		/* A read callback without a way to rewind: libcurl would otherwise send a body
		 * again, unasked, when a kept connection dies before the first byte of the answer.
		 */
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
		curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_PIECE);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			request->connect_timeout_ms ? request->connect_timeout_ms
						    : DEFAULT_CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, request->total_timeout_ms);
	if (request->idle_timeout_s) {
		curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, request->idle_timeout_s);
	}
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
}

/* How long the end of the transfer is waited for; 0: not any more. */
static int wait_ms(const struct cua_http_client *client, const struct transfer *transfer,
		uint64_t *enough_us)
{
	const bool *is_enough = transfer->request->is_enough;
	const uint64_t *deadline_us = transfer->request->deadline_us;
	if (!is_enough || !*is_enough) {
		const int left_ms = deadline_us ? cua_ms_until(*deadline_us) : DRIVE_MS;
		return left_ms < DRIVE_MS ? left_ms : DRIVE_MS;
	}
	if (*enough_us == 0) {
		*enough_us = cua_now_us() + (client->leaves_open ? 0 : LINGER_MS * 1000);
	}
	return cua_ms_until(*enough_us);
}

/* For something to do: with the transfer, beside it, or to stop. */
static enum cua_status wait_for(struct cua_http_client *client, const struct transfer *transfer,
		int left_ms, struct cua_error *err)
{
	const struct cua_http_request *request = transfer->request;
	struct curl_waitfd fds[2] = { 0 };
	unsigned int count = 0;
	int beside_at = -1, cancel_at = -1; /* a descriptor that is none is not polled */
	if (client->cancel_fd >= 0) {
		cancel_at = (int)count;
		fds[count++] = (struct curl_waitfd){ client->cancel_fd, CURL_WAIT_POLLIN, 0 };
	}
	if (request->beside_fd && *request->beside_fd >= 0) {
		beside_at = (int)count;
		fds[count++] = (struct curl_waitfd){ *request->beside_fd, CURL_WAIT_POLLIN, 0 };
	}
	CURLMcode code = curl_multi_poll(client->multi, fds, count, left_ms, NULL);
	if (code != CURLM_OK) {
		return CUA_FAIL(err, CUA_ERR_IO, 0, "%s", curl_multi_strerror(code));
	}
	if (cancel_at >= 0 && fds[cancel_at].revents) {
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled");
	}
	return beside_at >= 0 && fds[beside_at].revents
			? request->on_beside(request->beside_user_data, err)
			: CUA_OK;
}

/* Runs the transfer to its end, or until cancel_fd becomes readable. */
static enum cua_status drive(struct cua_http_client *client, const struct transfer *transfer,
		CURLcode *ret_code, struct cua_error *err)
{
	uint64_t enough_us = 0;
	for (;;) {
		int running = 0;
		CURLMcode code = curl_multi_perform(client->multi, &running);
		if (code != CURLM_OK) {
			return CUA_FAIL(err, CUA_ERR_IO, 0, "%s", curl_multi_strerror(code));
		}
		int left = 0;
		for (CURLMsg *message; (message = curl_multi_info_read(client->multi, &left));) {
			if (message->msg == CURLMSG_DONE) {
				*ret_code = message->data.result;
				return CUA_OK;
			}
		}
		const int left_ms = wait_ms(client, transfer, &enough_us);
		if (left_ms == 0 && enough_us == 0) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "%s: no answer in time",
					transfer->request->url);
		}
		if (left_ms == 0) {
			client->leaves_open = true; /* removing the handle hangs up */
			return CUA_OK;
		}
		enum cua_status status = wait_for(client, transfer, left_ms, err);
		if (status != CUA_OK) {
			return status;
		}
	}
}

/* What libcurl has one word for. It speaks OpenSSL here, and leaves the verdict unspecified when
 * it compares the names itself. */
static const char *certificate_problem(long verdict)
{
	switch (verdict) {
	case X509_V_OK:
	case X509_V_ERR_UNSPECIFIED:
		return "its certificate is for another name. Is the address right?";
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "its certificate has expired, if this machine's clock is right";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "its certificate is not valid yet, if this machine's clock is right";
	default:
		return "nobody who is trusted here has signed its certificate. The file of a "
		       "private CA goes into SSL_CERT_FILE";
	}
}

/* What to do about it; "" where there is nothing more to say. */
static const char *advice_for(CURLcode code, long os_errno)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return os_errno == ECONNREFUSED ? ": nobody listens there. Does the server run, "
						  "and is the port right?"
				: os_errno == ENETUNREACH || os_errno == EHOSTUNREACH
				? ": no route to it. Is there a network? A proxy goes into "
				  "https_proxy"
				: "";
	case CURLE_COULDNT_RESOLVE_HOST:
		return ". Is the name right, and is there a network? A proxy goes into https_proxy";
	case CURLE_COULDNT_RESOLVE_PROXY:
		return ". Is the proxy's name in https_proxy right?";
	case CURLE_SSL_CONNECT_ERROR:
		return ". Does this server speak https?";
	case CURLE_SSL_CACERT_BADFILE:
		return ". Is the file in SSL_CERT_FILE there, and is it PEM?";
	default:
		return "";
	}
}

static enum cua_status status_of(
		CURLcode code, const struct transfer *transfer, struct cua_error *err)
{
	const char *url = transfer->request->url;
	if (code == CURLE_OK) {
		return CUA_OK;
	}
	if (transfer->status != CUA_OK) {
		return transfer->status; /* a callback filled err */
	}
	if (code == CURLE_OPERATION_TIMEDOUT) {
		return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "%s: no answer in time", url);
	}
	if (code == CURLE_OUT_OF_MEMORY) { /* what libcurl calls a line over its own bound */
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"%s: a line in the headers of the answer is too long, or memory "
				"ran out",
				url);
	}
	long proxy_status = 0, os_errno = 0, verdict = X509_V_OK;
	curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_errno);
	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	if (proxy_status >= 300) {
		return CUA_FAIL(err, proxy_status < 500 ? CUA_ERR_UNAVAILABLE : CUA_ERR_CLOSED, 0,
				"%s: the proxy in https_proxy answered %ld%s", url, proxy_status,
				proxy_status == 407 ? ": it wants a name and a password, as in "
						      "http://name:password@proxy:port"
						    : "");
	}
	if (code == CURLE_PEER_FAILED_VERIFICATION) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "%s: %s", url,
				certificate_problem(verdict));
	}
	return CUA_FAIL(err,
			code == CURLE_SSL_CACERT_BADFILE ? CUA_ERR_UNAVAILABLE : CUA_ERR_CLOSED, 0,
			"%s: %s%s", url, curl_easy_strerror(code), advice_for(code, os_errno));
}

enum cua_status cua_http_perform(struct cua_http_client *client,
		const struct cua_http_request *request, struct cua_http_response *ret_response,
		struct cua_error *err)
{
	*ret_response = (struct cua_http_response){ 0 };
	cua_buffer_init(&ret_response->body,
			request->max_body_len ? request->max_body_len : DEFAULT_MAX_BODY_LEN);
	struct transfer transfer = {
		.request = request, .response = ret_response, .easy = client->easy, .err = err
	};
	/* An empty Expect spares a round trip that libcurl would wait for on large bodies. */
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; request->headers && request->headers[i]; i++) {
		headers = curl_slist_append(headers, request->headers[i]);
	}
	set_options(client, request, headers, &transfer);

	uint64_t started_us = cua_now_us();
	CURLcode code = CURLE_OK;
	curl_multi_add_handle(client->multi, client->easy);
	enum cua_status status = drive(client, &transfer, &code, err);
	curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &ret_response->http_status);
	curl_multi_remove_handle(client->multi, client->easy);
	curl_slist_free_all(headers);
	ret_response->total_ms = (double)(cua_now_us() - started_us) / 1000.0;
	return status == CUA_OK ? status_of(code, &transfer, err) : status;
}
