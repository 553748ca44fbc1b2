"""The explorer of settled claims: a web page that needs nothing but a node's URL.

The page itself is in `static/`, made from explorer/ by scripts/generate/explorer.py. Beside it go files of
data: which contract on which chain, the models' verifying keys and vocabularies, digests of code. `zkllm
explorer` writes them all to a folder; a node that serves the page does the same (`write_site`), or serves
`files_of` from memory, and sends `HEADERS` along.
"""

from zkllm.explorer.pages import HEADERS, files_of, static_folder, write_site
from zkllm.explorer.site import Site, SiteModel, model_at

__all__ = ["HEADERS", "Site", "SiteModel", "files_of", "model_at", "static_folder", "write_site"]
