"""The weights' making: from shapes to photographs that never were, to the network, to its figures.

Single shapes: `shapes` writes the library; `body_model`, `people`, `dress`, `faces` and `bodies` make its figures,
`procedural` all that follows rules, `height_maps` what meshes look like from the front.
Panels: `compose` lays them out of the `library`'s shapes, with `carving`, `inscriptions`, `masonry` and `chance`.
Photographs: `photograph` takes them, with `lighting` and `textures`; `data` crops, labels (`labels`) and streams them.
The network: `train`, with `losses` and `depthwise`; `export` and `mean` write what the extension bundles.
Figures and pictures: `benchmark`, on `panel`'s renderings among others, `ablation`, `sheets`, `pictures`.
"""
