# Tests of cua/egress: names, requests, TLS, and the proxy itself; included by tests/CMakeLists.txt.
foreach(name names request frame udp_peers decisions gateway_log confine)
	cua_unit_test(egress_${name} cua_egress)
endforeach()
set(egress_tests_dir ${CMAKE_CURRENT_LIST_DIR})
add_library(client_hello STATIC ${egress_tests_dir}/client_hello.c)
target_link_libraries(client_hello PUBLIC cua_options PkgConfig::cmocka PkgConfig::openssl)
cua_unit_test(egress_hello cua_egress client_hello)
add_library(egress_stage STATIC ${egress_tests_dir}/egress_stage.c ${egress_tests_dir}/files.c
	${egress_tests_dir}/waiting.c)
target_link_libraries(egress_stage PUBLIC cua_egress tls_server)
cua_unit_test(egress_proxy egress_stage client_hello)
cua_unit_test(egress_limits egress_stage)
