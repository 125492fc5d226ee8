# openapi.json, and every route of it. npm installs what checks them into the build folder, once.
add_test(NAME serve_openapi COMMAND ${CMAKE_CURRENT_LIST_DIR}/openapi/run.sh $<TARGET_FILE:cua>
	$<TARGET_FILE:mcp_bad_server> ${CMAKE_BINARY_DIR}/openapi_npm)
set_tests_properties(serve_openapi PROPERTIES LABELS desktop TIMEOUT 600)
