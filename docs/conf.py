"""How Sphinx builds these pages: ``sphinx-build -W docs docs/_build``, without a network."""

import tomllib
from pathlib import Path

with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
    metadata = tomllib.load(file)["project"]

project = metadata["name"]
author = metadata["authors"][0]["name"]
version = release = metadata["version"]
copyright = f"2026, {author}"

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "changes"]
templates_path = ["templates"]
default_role = "py:obj"
# Methods that scikit-learn adds (set_fit_request, ...) point into its own user guide.
suppress_warnings = ["ref.ref", "ref.term"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = f"skbackprop {version}"
html_theme_options = {
    "show_prev_next": False,
    "footer_start": [],
    "footer_end": [],
    "header_links_before_dropdown": 8,  # all of them: none is hidden under "More"
    "navbar_align": "left",
}
html_sidebars = {page: [] for page in ("index", "install", "getting_started", "changelog")}
html_show_sourcelink = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "/plot_",
    "ignore_pattern": r"^(?!plot_)",  # the scripts without pictures
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "show_memory": False,
    "min_reported_time": 1e9,
    "download_all_examples": False,
    "doc_module": ("skbackprop",),
    "backreferences_dir": "generated/examples",
}
