#include "display/x_client.h"

#include <stdlib.h>

#include <xcb/res.h>

/* resource: any of a client's, None for all clients. */
static int query(struct display *display, XID resource, struct x_client *clients, int max)
{
	const xcb_res_client_id_spec_t spec = { (uint32_t)resource,
		XCB_RES_CLIENT_ID_MASK_LOCAL_CLIENT_PID };
	xcb_res_query_client_ids_reply_t *reply = xcb_res_query_client_ids_reply(
			display->xcb, xcb_res_query_client_ids(display->xcb, 1, &spec), NULL);
	int count = 0;
	if (!reply) {
		return 0;
	}
	xcb_res_client_id_value_iterator_t item = xcb_res_query_client_ids_ids_iterator(reply);
	for (; item.rem > 0 && count < max; xcb_res_client_id_value_next(&item)) {
		if (xcb_res_client_id_value_value_length(item.data) == 1) {
			clients[count++] = (struct x_client){ item.data->spec.client,
				(pid_t)*xcb_res_client_id_value_value(item.data) };
		}
	}
	free(reply);
	return count;
}

int x_client_list(struct display *display, struct x_client clients[X_CLIENTS_MAX])
{
	return query(display, None, clients, X_CLIENTS_MAX);
}

pid_t x_client_pid(struct display *display, Window window)
{
	struct x_client client;
	return query(display, window, &client, 1) == 1 ? client.pid : 0;
}
