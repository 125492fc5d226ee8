#include "agent/model/model.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_loopback(const char *host)
{
	unsigned part[4];
	char rest = 0;
	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0) {
		return true;
	}
	return sscanf(host, "%3u.%3u.%3u.%3u%c", &part[0], &part[1], &part[2], &part[3], &rest) ==
			4 &&
			part[0] == 127;
}

enum cua_status agent_model_check_url(const char *base_url, bool has_key, struct cua_error *err)
{
	CURLU *url = curl_url();
	if (!url) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "URL");
	}
	char *scheme = NULL, *host = NULL, *user = NULL, *query = NULL;
	enum cua_status status = CUA_OK;
	if (curl_url_set(url, CURLUPART_URL, base_url, 0) != CURLUE_OK ||
			curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
			curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "the base URL is not a URL");
	} else if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK ||
			curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_OK) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the base URL must have no user name and no query: the key has its "
				"own place, CUA_API_KEY");
	} else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the base URL begins with %.20s; it must be https or http", scheme);
	} else if (has_key && strcmp(scheme, "http") == 0 && !is_loopback(host)) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the key will not be sent over plain http to %.200s: use https, or "
				"a loopback address",
				host);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_free(query);
	curl_url_cleanup(url);
	return status;
}
