# Tests of the stand-in model; included by tests/CMakeLists.txt.
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
foreach(name script match see responses anthropic chat gemini server conversations)
	add_executable(test_standin_${name} test_standin_${name}.c)
	target_link_libraries(test_standin_${name} PRIVATE cua_standin_core PkgConfig::cmocka)
	add_test(NAME standin_${name} COMMAND test_standin_${name})
	# With more threads Tesseract takes seven times as long.
	set_tests_properties(standin_${name} PROPERTIES TIMEOUT 120 ENVIRONMENT "OMP_THREAD_LIMIT=1")
endforeach()
foreach(name responses anthropic chat gemini server conversations)
	target_sources(test_standin_${name} PRIVATE standin_fixture.c)
endforeach()
# The scripts that come with the demos must be good ones.
foreach(script libreoffice/letter browser/form)
	string(MAKE_C_IDENTIFIER ${script} name)
	add_test(NAME standin_check_${name}
		COMMAND cua-standin --script ${CMAKE_SOURCE_DIR}/demos/${script}.yaml --check)
endforeach()
