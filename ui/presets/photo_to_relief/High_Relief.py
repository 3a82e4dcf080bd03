import bpy

relief = bpy.context.scene.relief
relief.strength_soft = 1.2
relief.bevel = 0.1
relief.layering = 1.6
