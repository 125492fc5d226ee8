# The page, in Debian's Chromium; npm installs what drives it into the build folder, once.
if(CUA_WEB)
	foreach(suite serving types views desktops people keys run)
		add_test(NAME web_${suite} COMMAND ${CMAKE_CURRENT_LIST_DIR}/web/run.sh ${suite}
			$<TARGET_FILE:cua> ${CMAKE_BINARY_DIR}/web_tests)
		set_tests_properties(web_${suite} PROPERTIES LABELS desktop TIMEOUT 1200)
	endforeach()
endif()
