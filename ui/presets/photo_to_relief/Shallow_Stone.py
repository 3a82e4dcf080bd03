import bpy

relief = bpy.context.scene.relief
relief.strength_soft = 1.3
relief.strength_medium = 1.2
relief.strength_sharp = 1.0
relief.detail = 1.0
relief.smoothing = 0.0
relief.edge_threshold = 0.0
relief.bevel = 0.0
relief.layering = 0.8
relief.flatten_ground = 0.0
relief.raise_figure = 0.0
relief.raise_animal = 0.0
relief.raise_plant = 0.0
relief.raise_architecture = 0.0
relief.raise_object = 0.0
