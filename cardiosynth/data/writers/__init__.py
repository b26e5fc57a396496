"""Writers of public layouts: one module a layout, each with ``write``, the mirror image of its reader."""
