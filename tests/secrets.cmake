# Tests of agent/secrets; included by tests/CMakeLists.txt.
foreach(name redact store)
	cua_unit_test(secrets_${name} cua_secrets)
endforeach()
target_sources(test_secrets_redact PRIVATE ${CMAKE_CURRENT_LIST_DIR}/spellings.c)
target_link_libraries(test_secrets_redact PRIVATE PkgConfig::libcrypto)
target_link_libraries(test_secrets_store PRIVATE cua_model)
