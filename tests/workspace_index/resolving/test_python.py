"""Python's modules, by all the layouts that are in use."""

from workspace_index.resolving.resolving import resolved, workspace

FLAT = workspace(
    "app/__init__.py",
    "app/models.py",
    "app/web/__init__.py",
    "app/web/views.py",
    "app/web/models.py",
    "tests/test_views.py",
)


def test_an_absolute_import_names_a_module_or_the_file_of_a_package():
    assert resolved(FLAT, "tests/test_views.py", "python", "app.models") == ["app/models.py"]
    assert resolved(FLAT, "tests/test_views.py", "python", "app.web") == ["app/web/__init__.py"]
    assert resolved(FLAT, "tests/test_views.py", "python", "app.missing") == []


def test_a_name_that_is_a_module_of_the_package_names_that_module():
    here = "tests/test_views.py"
    assert resolved(FLAT, here, "python", "app.web", "views") == ["app/web/views.py"]
    assert resolved(FLAT, here, "python", "app.web", "views", "make") == [
        "app/web/__init__.py",
        "app/web/views.py",
    ]
    assert resolved(FLAT, here, "python", "app.models", "views") == ["app/models.py"]
    assert resolved(FLAT, here, "python", "app", "*") == ["app/__init__.py"]


def test_dots_count_from_the_package_of_the_file():
    here = "app/web/views.py"
    assert resolved(FLAT, here, "python", ".models", "User") == ["app/web/models.py"]
    assert resolved(FLAT, here, "python", "..models", "User") == ["app/models.py"]
    assert resolved(FLAT, here, "python", ".", "models") == ["app/web/models.py"]
    assert resolved(FLAT, here, "python", "..", "models", "web") == [
        "app/models.py",
        "app/web/__init__.py",
    ]
    assert resolved(FLAT, "app/web/__init__.py", "python", ".views", "f") == ["app/web/views.py"]
    assert resolved(FLAT, here, "python", "....models", "User") == []


def test_dots_reach_the_folder_of_the_workspace():
    files = workspace("__init__.py", "models.py", "web/views.py")
    assert resolved(files, "web/views.py", "python", "..models", "User") == ["models.py"]
    assert resolved(files, "web/views.py", "python", "..", "User") == ["__init__.py"]


def test_a_source_folder_is_a_root_wherever_it_is():
    files = workspace(
        "packages/one/src/one/__init__.py",
        "packages/one/src/one/parts.py",
        "packages/two/src/two/main.py",
        "packages/two/src/helper.py",
    )
    here = "packages/two/src/two/main.py"
    assert resolved(files, here, "python", "one.parts") == ["packages/one/src/one/parts.py"]
    assert resolved(files, here, "python", "one", "parts") == ["packages/one/src/one/parts.py"]
    assert resolved(files, here, "python", "helper") == ["packages/two/src/helper.py"]


def test_the_nearest_of_several_roots_is_taken():
    files = workspace(
        "one/lib/common.py", "one/lib/main.py", "two/lib/common.py", "two/lib/main.py"
    )
    assert resolved(files, "one/lib/main.py", "python", "common") == ["one/lib/common.py"]
    assert resolved(files, "two/lib/main.py", "python", "common") == ["two/lib/common.py"]


def test_a_package_needs_no_init_file():
    files = workspace("src/acme/billing/invoice.py", "src/acme/crm/client.py")
    here = "src/acme/crm/client.py"
    assert resolved(files, here, "python", "acme.billing.invoice", "Invoice") == [
        "src/acme/billing/invoice.py"
    ]
    assert resolved(files, here, "python", "acme.billing", "invoice") == [
        "src/acme/billing/invoice.py"
    ]
    assert resolved(files, here, "python", "acme.billing", "missing") == []


def test_a_script_imports_what_is_beside_it():
    files = workspace("tools/run.py", "tools/helpers.py", "pkg/__init__.py", "pkg/util.py")
    assert resolved(files, "tools/run.py", "python", "helpers") == ["tools/helpers.py"]
    assert resolved(files, "pkg/main.py", "python", "util") == ["pkg/util.py"]


def test_the_standard_library_is_not_taken_for_a_module_of_a_package():
    files = workspace(
        "app/__init__.py",
        "app/types.py",
        "app/web/__init__.py",
        "app/web/json/__init__.py",
        "x/email.py",
    )
    assert resolved(files, "app/main.py", "python", "types", "Any") == []
    assert resolved(files, "app/web/main.py", "python", "json") == []
    assert resolved(files, "app/main.py", "python", "email") == []


def test_a_lone_module_of_some_far_folder_is_no_installed_package():
    files = workspace("docs/examples/requests.py", "app/main.py", "other/pyproject.toml")
    assert resolved(files, "app/main.py", "python", "requests") == []
    files |= workspace("other/requests.py")
    assert resolved(files, "app/main.py", "python", "requests") == ["other/requests.py"]


def test_a_stub_stands_in_where_there_is_no_source():
    files = workspace("app/__init__.py", "app/fast.pyi", "app/slow.py", "app/slow.pyi")
    assert resolved(files, "app/a.py", "python", ".fast", "f") == ["app/fast.pyi"]
    assert resolved(files, "app/a.py", "python", "app.slow", "f") == ["app/slow.py"]
