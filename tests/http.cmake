# The HTTP server of cua/base on TCP, for callers of all kinds.
foreach(name tcp head stream)
	cua_unit_test(base_http_${name} cua_base PkgConfig::libssl)
	target_sources(test_base_http_${name} PRIVATE ${CMAKE_CURRENT_LIST_DIR}/http_site.c
		${CMAKE_CURRENT_LIST_DIR}/http_wire.c ${CMAKE_CURRENT_LIST_DIR}/certificate.c
		${CMAKE_CURRENT_LIST_DIR}/waiting.c)
endforeach()
target_sources(test_base_http_stream PRIVATE ${CMAKE_CURRENT_LIST_DIR}/http_streams.c)
